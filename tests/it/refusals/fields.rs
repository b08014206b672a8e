//! 400: fields of a body that are of the wrong type, missing, or not known, one after the other, as the schema tells them.

use serde_json::{Map, Value, json};

use super::operations::{Document, Operation};
use super::problem::fields;
use super::world::World;

/// A value for every type.
fn values() -> [(&'static str, Value); 7] {
    [
        ("null", Value::Null),
        ("boolean", json!(true)),
        ("integer", json!(17)),
        ("number", json!(1.5)),
        ("string", json!("\u{2603} no word of ours expected u32")),
        ("array", json!([[]])),
        ("object", json!({ "no_such_field": {} })),
    ]
}

/// Whether a schema takes values of a type at all.
fn takes(document: &Document, schema: &Value, kind: &str) -> bool {
    let schema = document.resolved(schema);
    if let Some(choices) = schema["oneOf"].as_array() {
        return choices.iter().any(|choice| takes(document, choice, kind));
    }
    let is = |word: &Value| word == kind || (kind == "integer" && word == "number");
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(is),
        word => is(word),
    }
}

/// Values of a field that its schema does not allow.
fn wrong(document: &Document, schema: &Value) -> Vec<Value> {
    let mut wrong = Vec::new();
    let is_free = |schema: &Value| schema["properties"].is_null() && schema["oneOf"].is_null();
    for (kind, value) in values() {
        let inner = document.resolved(schema);
        let is_word = !inner["enum"].is_null()
            || inner["format"] == "uuid"
            || inner["format"] == "date-time"
            || inner["oneOf"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| !one["$ref"].is_null()));
        let free = match kind {
            "string" => !is_word,
            // A list of lists and an object of unknown fields are wrong but where anything goes.
            "array" => false,
            "object" => is_free(&inner),
            _ => true,
        };
        if !takes(document, schema, kind) || !free {
            wrong.push(value);
        }
    }
    if takes(document, schema, "integer") {
        wrong.extend([json!(-1), json!(1e30), json!(4_294_967_296_u64)]);
    }
    wrong
}

async fn refuse(
    world: &World,
    operation: &Operation,
    body: &Value,
    (field, code): (&str, Option<&str>),
    head: &str,
) {
    let request = world.example(operation).with_body(&world.desk, operation, body.to_string());
    let what = format!("{} with {body}", operation.name());
    let problem = world.refused(&what, world.desk.send(request).await, 400, head).await;
    let named = fields(&problem);
    let at_field = |name: &&str| *name == field || name.starts_with(&format!("{field}."));
    assert!(named.len() == 1 && named.iter().all(at_field), "{what}: {problem:?}");
    let said = problem["code"].as_str().unwrap_or_default();
    match code {
        Some(code) => assert_eq!(said, code, "{what}"),
        None => assert!(
            ["invalid_type", "invalid_value", "unknown_field", "missing_field"].contains(&said),
            "{what}: {said}"
        ),
    }
    assert!(
        !Value::from(problem.clone()).to_string().contains('\u{2603}'),
        "{what}: repeats the content"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_every_body_refuses_values_of_another_type() {
    let world = World::new().await;
    let (head, mut asked) = (world.head().await, 0);
    for operation in &world.document.operations {
        let Some(schema) = &operation.schema else { continue };
        let example = world.example(operation).body.unwrap();
        for (field, its_schema) in schema["properties"].as_object().into_iter().flatten() {
            // Recipients and properties of a draft are kept as they were sent; sending checks them.
            let kept = operation.template.ends_with("/drafts/{kind}")
                && ["to", "cc", "bcc", "properties"].contains(&field.as_str());
            for value in wrong(&world.document, its_schema).into_iter().filter(|_| !kept) {
                let mut body = example.clone();
                body[field] = value;
                refuse(&world, operation, &body, (field, None), &head).await;
                asked += 1;
            }
        }
    }
    assert!(asked > 300, "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_field_that_is_missing_is_named() {
    let world = World::new().await;
    let head = world.head().await;
    for operation in &world.document.operations {
        let Some(schema) = &operation.schema else { continue };
        for field in schema["required"].as_array().into_iter().flatten() {
            let field = field.as_str().unwrap();
            let mut body = world.example(operation).body.unwrap();
            body.as_object_mut().unwrap().remove(field);
            refuse(&world, operation, &body, (field, Some("missing_field")), &head).await;
        }
    }
}

/// The places of all objects within a value, but for those whose names are free.
fn objects(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.push(place.to_owned());
            for (name, value) in fields.iter().filter(|(name, _)| *name != "properties") {
                objects(value, &format!("{place}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                objects(item, &format!("{place}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_field_is_named_however_deep_it_stands() {
    let world = World::new().await;
    let (head, mut deep) = (world.head().await, 0);
    for operation in &world.document.operations {
        let Some(example) = world.example(operation).body else { continue };
        let mut places = Vec::new();
        objects(&example, "", &mut places);
        for place in places {
            let mut body = example.clone();
            let object: &mut Map<_, _> = body.pointer_mut(&place).unwrap().as_object_mut().unwrap();
            object.insert("naem".to_owned(), json!("x"));
            let field = format!("{place}/naem").trim_start_matches('/').replace('/', ".");
            refuse(&world, operation, &body, (&field, Some("unknown_field")), &head).await;
            deep += usize::from(!place.is_empty());
        }
    }
    assert!(deep >= 8, "{deep}");
}
