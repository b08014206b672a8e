//! The OpenAPI document: routes say what they take and answer; what is the same everywhere is added here.

use utoipa::openapi::path::{HttpMethod, Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder,
    PathItem, Ref, RefOr, Required, ResponseBuilder, SecurityRequirement, Type,
};
use utoipa::{PartialSchema, ToSchema};

use crate::problem::{EventLine, FieldProblem, Problem};

const DESCRIPTION: &str = "Everything the workspace does goes through this interface. Writes accept \
`Idempotency-Key` and `If-Match`, reads accept `Log-Position`, lists are paged with cursors, and every \
refusal is a problem document with a stable `code`.";

/// The document without routes.
pub(crate) fn start() -> OpenApi {
    let mut components = ComponentsBuilder::new()
        .schema(Problem::name(), Problem::schema())
        .schema(FieldProblem::name(), FieldProblem::schema())
        .schema(EventLine::name(), EventLine::schema())
        .build();
    components.add_security_scheme(
        "token",
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
    );
    let cookie = ApiKeyValue::new(crate::caller::SESSION_COOKIE);
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Ledgerdesk")
                .version("1")
                .description(Some(DESCRIPTION))
                .build(),
        )
        .components(Some(components))
        .build()
}

/// The whole document: what `GET /api/openapi.json` answers and `docs/reference/openapi.json` keeps.
#[must_use]
pub fn openapi() -> OpenApi {
    let mut public = crate::routes::public().into_openapi();
    each(&mut public, &mut |method, operation| complete(method, operation, false));
    public.merge(crate::routes::operation::routes().into_openapi());
    public.merge(crate::routes::operation::metrics().into_openapi());
    let mut protected = crate::routes::protected().into_openapi();
    protected.merge(crate::routes::uploads().into_openapi());
    each(&mut protected, &mut |method, operation| complete(method, operation, true));
    let mut document = start();
    document.merge(public);
    document.merge(protected);
    document
}

fn each(document: &mut OpenApi, change: &mut dyn FnMut(HttpMethod, &mut Operation)) {
    for item in document.paths.paths.values_mut() {
        let PathItem { get, put, post, delete, patch, .. } = item;
        for (method, operation) in [
            (HttpMethod::Get, get),
            (HttpMethod::Put, put),
            (HttpMethod::Post, post),
            (HttpMethod::Delete, delete),
            (HttpMethod::Patch, patch),
        ] {
            if let Some(operation) = operation {
                change(method, operation);
            }
        }
    }
}

fn complete(method: HttpMethod, operation: &mut Operation, protected: bool) {
    let writes = method != HttpMethod::Get;
    let mut refusals = vec![
        (400, "malformed"),
        (404, "missing, or not visible"),
        (500, "broken"),
        (503, "not now"),
    ];
    if protected {
        refusals.extend([(401, "not signed in"), (403, "visible but not allowed")]);
        let either = |name: &str| SecurityRequirement::new(name, Vec::<String>::new());
        operation.security = Some(vec![either("token"), either("session")]);
    }
    if writes {
        refusals.extend([
            (409, "the state does not allow it"),
            (413, "too large"),
            (415, "not the type that is read here"),
            (422, "a rule refuses"),
        ]);
    }
    for (status, description) in refusals {
        let response = problem(description);
        operation.responses.responses.entry(status.to_string()).or_insert(RefOr::T(response));
    }
    if protected {
        let headers = match operation.operation_id.as_deref() {
            // It asks with a body, and writes nothing.
            Some("query_tickets") => vec![log_position()],
            // A file has no version before it is there.
            Some("upload") => vec![idempotency_key()],
            _ if writes => vec![idempotency_key(), if_match()],
            _ => vec![log_position()],
        };
        let known = operation.parameters.get_or_insert_default();
        known.extend(headers.into_iter().map(RefOr::T));
    }
}

fn problem(description: &str) -> utoipa::openapi::Response {
    let schema = Ref::from_schema_name(Problem::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build()
}

fn idempotency_key() -> Parameter {
    header("Idempotency-Key", "at most 255 characters; the same key has one effect")
}

fn if_match() -> Parameter {
    header("If-Match", "the version that was seen, in quotes")
}

fn log_position() -> Parameter {
    header("Log-Position", "the answer is at least as new, or says `Log-Stale: true`")
}

fn header(name: &str, description: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
        .build()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_operation_has_an_id_of_its_own_and_says_what_it_does() {
        let mut seen = HashSet::new();
        each(&mut openapi(), &mut |_, operation| {
            let id = operation.operation_id.clone().unwrap();
            assert!(operation.summary.is_some(), "{id} has no summary");
            assert!(seen.insert(id.clone()), "{id} stands twice");
        });
    }

    #[test]
    fn the_committed_document_is_the_generated_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/openapi.json");
        let generated = format!("{}\n", openapi().to_pretty_json().unwrap());
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
            std::fs::write(path, &generated).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == generated,
            "run the tests of crate api with UPDATE_DOCS=1 and commit docs/reference"
        );
    }
}
