//! The operations of the OpenAPI document, as the service tells them.

use reqwest::Method;
use serde_json::{Map, Value};
use testkit::Client;

/// One operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// How it is asked.
    pub method: Method,
    /// Its address with places to fill in.
    pub template: String,
    /// Whether it needs a session or a token.
    pub protected: bool,
    /// The schema of its JSON body, if it has one.
    pub schema: Option<Value>,
    /// Its parameters: where, name, and whether it asks for it.
    parameters: Vec<(String, String, bool)>,
}

/// All operations, and the types they speak of.
pub struct Document {
    /// The operations in the order of the document.
    pub operations: Vec<Operation>,
    schemas: Map<String, Value>,
}

impl Operation {
    /// Whether the document says that it takes this parameter.
    pub fn takes(&self, place: &str, name: &str) -> bool {
        self.parameters
            .iter()
            .any(|(its_place, its_name, _)| its_place == place && its_name == name)
    }

    /// Whether it says that it does not go without this parameter.
    pub fn requires(&self, place: &str, name: &str) -> bool {
        let required = (place.to_owned(), name.to_owned(), true);
        self.parameters.contains(&required)
    }

    /// The places in its address.
    pub fn places(&self) -> Vec<String> {
        let pieces = self.template.split('/').filter(|piece| piece.starts_with('{'));
        pieces.map(|piece| piece.trim_matches(['{', '}']).to_owned()).collect()
    }

    /// Whether it only reads.
    pub fn reads(&self) -> bool {
        self.method == Method::GET
    }

    /// Whether it works on a view: views have names instead of ids, no version, and tests of their own.
    pub fn is_about_a_view(&self) -> bool {
        self.template.starts_with("/api/v1/admin/projections/")
    }

    /// Its name in a failing test.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.template)
    }
}

impl Document {
    /// The document as anybody can fetch it.
    pub async fn of(client: &Client) -> Self {
        let document = client.get("/api/openapi.json").await.ok();
        let schemas = document["components"]["schemas"].as_object().unwrap().clone();
        let mut read = Self { operations: Vec::new(), schemas };
        for (template, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
                let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
                let word = |value: &Value| value.as_str().unwrap().to_owned();
                read.operations.push(Operation {
                    method: method.to_uppercase().parse().unwrap(),
                    template: template.clone(),
                    protected: operation["security"].is_array(),
                    schema: schema.is_object().then(|| read.resolved(schema)),
                    parameters: parameters
                        .iter()
                        .map(|parameter| {
                            let required = parameter["required"] == true;
                            (word(&parameter["in"]), word(&parameter["name"]), required)
                        })
                        .collect(),
                });
            }
        }
        read
    }

    /// A schema, looked up if it is only named.
    pub fn resolved(&self, schema: &Value) -> Value {
        match schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            Some(name) => self.schemas[name].clone(),
            None => schema.clone(),
        }
    }

    /// Those that need a session or a token.
    pub fn protected(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter().filter(|operation| operation.protected)
    }

    /// Those that write, or at least take a body: they need no sign-in in two cases.
    pub fn writes(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter().filter(|operation| !operation.reads())
    }
}
