//! Files that wait to be attached: sealed before they touch the disk.

use axum::Json;
use axum::body::Body;
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use decider::{CommandId, Opened};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use ops::{NewUpload, OpsError, Upload, UploadMeta};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tower_http::timeout::TimeoutBody;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::body::{check_length, too_large, too_slow};
use crate::caller::Caller;
use crate::error::{ApiError, Kind};
use crate::file_name;
use crate::hex;
use crate::read::Id;
use crate::write::idempotency_key;

/// What a multipart body has beside the file.
const FRAME_BYTES_MAX: usize = 64 << 10;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(upload)).routes(routes!(download_upload))
}

/// One file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the multipart body")]
struct UploadForm {
    /// The file; the part's name does not matter.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// A file that was uploaded.
#[derive(Serialize, ToSchema)]
struct Uploaded {
    /// The id to attach it with.
    id: Uuid,
    /// Its name.
    name: String,
    /// Its type.
    #[serde(rename = "type")]
    media_type: String,
    /// Its size in bytes.
    size: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    sha256: String,
}

/// Uploads one file; one that is not attached within a day goes away.
#[utoipa::path(post, path = "/api/v1/uploads", tag = "uploads",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 201, description = "stored", body = Uploaded)))]
async fn upload(
    State(app): State<App>,
    caller: Caller,
    request: Request,
) -> Result<(StatusCode, Json<Uploaded>), ApiError> {
    let (parts, body) = request.into_parts();
    let key = idempotency_key(&parts.headers)?;
    let (meta, bytes) = read_file(&app, parts, body).await?;
    let id = match key {
        Some(key) => {
            let command = CommandId::from_key(caller.ws, caller.actor, &key);
            Uuid::new_v5(&command.0, b"upload")
        }
        None => Uuid::now_v7(),
    };
    if let Some(known) = find(&app, &caller, id).await? {
        return repeated(known, &meta);
    }
    let key = app.vault().take_key(caller.ws).await?;
    let object = app.objects().put(caller.ws, &key, bytes).await?;
    let new = NewUpload { ws: caller.ws, id, user: caller.user.0, meta, object };
    match app.ops().uploads.create(&new, &key, app.now()).await {
        Ok(()) => Ok((StatusCode::CREATED, Json(uploaded(id, new.meta, new.object.size)))),
        Err(OpsError::Database(sqlx::Error::Database(error))) if error.is_unique_violation() => {
            let known = find(&app, &caller, id).await?.ok_or_else(ApiError::not_found)?;
            repeated(known, &new.meta)
        }
        Err(error) => Err(error.into()),
    }
}

/// A file one has uploaded.
#[utoipa::path(get, path = "/api/v1/uploads/{id}", tag = "uploads", params(("id" = Uuid, Path)),
    responses((status = 200, description = "the bytes", body = Vec<u8>,
        content_type = "application/octet-stream")))]
async fn download_upload(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
) -> Result<Response, ApiError> {
    let upload = find(&app, &caller, id).await?.ok_or_else(ApiError::not_found)?;
    match app.objects().get(caller.ws, &upload.object).await? {
        Opened::Open(bytes) => Ok(file(&upload.meta.name, &upload.meta.media_type, bytes)),
        Opened::Forgotten => Err(ApiError::not_found()),
    }
}

/// A file as an answer: nothing in it runs, whatever its type says.
pub(crate) fn file(name: &str, media_type: &str, bytes: Bytes) -> Response {
    let harmless = matches!(media_type, "image/png" | "image/jpeg" | "image/gif" | "image/webp");
    let disposition = file_name::disposition(name, harmless);
    let shown = if harmless { media_type } else { "application/octet-stream" };
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, HeaderValue::try_from(shown)),
        (header::CONTENT_DISPOSITION, HeaderValue::try_from(disposition)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::try_from("default-src 'none'; sandbox")),
        (header::CACHE_CONTROL, HeaderValue::try_from("private, no-cache")),
    ] {
        if let Ok(value) = value {
            headers.insert(name, value);
        }
    }
    response
}

/// Only one's own: a file that is attached is read at its ticket.
async fn find(app: &App, caller: &Caller, id: Uuid) -> Result<Option<Upload>, ApiError> {
    let mut found = app.ops().uploads.get(caller.ws, caller.user.0, &[id]).await?;
    Ok(found.remove(&id).filter(|upload| upload.user == caller.user.0))
}

fn repeated(known: Upload, meta: &UploadMeta) -> Result<(StatusCode, Json<Uploaded>), ApiError> {
    if known.meta == *meta {
        return Ok((StatusCode::CREATED, Json(uploaded(known.id, known.meta, known.object.size))));
    }
    let detail = "this Idempotency-Key was used for another file";
    Err(ApiError::new(Kind::Conflict, "idempotency_key_reused", detail))
}

fn uploaded(id: Uuid, meta: UploadMeta, size: u64) -> Uploaded {
    Uploaded { id, name: meta.name, media_type: meta.media_type, size, sha256: meta.sha256 }
}

async fn read_file(app: &App, parts: Parts, body: Body) -> Result<(UploadMeta, Bytes), ApiError> {
    let limits = app.settings().limits;
    if !is_multipart(&parts.headers) {
        let detail = "send one file as multipart/form-data";
        return Err(ApiError::new(Kind::UnsupportedMediaType, "unsupported_media_type", detail));
    }
    check_length(&parts.headers, limits.upload_bytes_max + FRAME_BYTES_MAX)?;
    let body = Body::new(TimeoutBody::new(limits.upload_idle, body));
    let mut request = Request::from_parts(parts, body);
    // The bound is ours, on the file itself.
    axum::extract::DefaultBodyLimit::disable().apply(&mut request);
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| malformed())?;
    let first = form.next_field().await.map_err(broken)?.ok_or_else(malformed)?;
    let read = read_part(first, limits.upload_bytes_max).await?;
    match form.next_field().await.map_err(broken)? {
        None => Ok(read),
        Some(_) => Err(malformed()),
    }
}

async fn read_part(mut part: Field<'_>, bytes_max: usize) -> Result<(UploadMeta, Bytes), ApiError> {
    let name = file_name::clean(part.file_name().unwrap_or_default());
    let media_type = file_name::media_type(part.content_type().unwrap_or_default());
    let (mut bytes, mut hash) = (BytesMut::new(), Sha256::new());
    while let Some(chunk) = part.chunk().await.map_err(broken)? {
        if bytes.len() + chunk.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        hash.update(&chunk);
        bytes.extend_from_slice(&chunk);
    }
    let meta = UploadMeta { name, media_type, sha256: hex::encode(&hash.finalize()) };
    Ok((meta, bytes.freeze()))
}

fn is_multipart(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.trim().to_ascii_lowercase().starts_with("multipart/form-data"))
}

fn malformed() -> ApiError {
    ApiError::new(
        Kind::Malformed,
        "malformed_upload",
        "send exactly one file as multipart/form-data",
    )
}

fn broken(error: MultipartError) -> ApiError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        if error.is::<tower_http::timeout::TimeoutError>() {
            return too_slow();
        }
        cause = error.source();
    }
    malformed()
}
