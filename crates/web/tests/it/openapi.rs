//! The OpenAPI document: complete, sound, and what importers take.

use std::collections::{BTreeSet, HashSet};

use drawbridge_web::{SUMMARY_CHARACTERS_MAX, paths};
use serde_json::{Map, Value};

use crate::house::House;

async fn document(house: &House) -> Value {
    let answer = house.get("/openapi.json").await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    answer.json()
}

/// Every operation with its method and path.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let each = |(path, item): (&String, &'_ Value)| {
        let item = item.as_object().unwrap().clone();
        item.keys().map(|method| (method.clone(), path.clone())).collect::<Vec<_>>()
    };
    let found = document["paths"].as_object().unwrap().iter().flat_map(each);
    found.map(|(method, path)| (method.clone(), path.clone(), &document["paths"][&path][&method])).collect()
}

#[tokio::test]
async fn it_tells_of_every_route_and_of_nothing_else() {
    let house = House::open().await;
    let document = document(&house).await;
    let told: BTreeSet<(String, String)> =
        operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    let mut expected = BTreeSet::new();
    for (method, path) in paths() {
        match (method, path) {
            ("post", "/api/tools/{name}") => {
                let tools = house.get("/api/tools").await.json()["tools"].as_array().unwrap().clone();
                let paths = tools.iter().map(|tool| path.replace("{name}", tool["name"].as_str().unwrap()));
                expected.extend(paths.map(|path| ("post".to_owned(), path)));
            }
            _ => drop(expected.insert((method.to_owned(), path.to_owned()))),
        }
    }
    // Those that a server answers in other protocols.
    for (method, path) in
        [("post", "/v9/echo"), ("get", "/v9/list"), ("get", "/v9/list/{rest}"), ("post", "/v9/stream")]
    {
        expected.insert((method.to_owned(), path.to_owned()));
    }
    assert_eq!(told, expected);
}

#[tokio::test]
async fn each_tool_is_an_operation_with_its_own_schemas() {
    let house = House::open().await;
    let document = document(&house).await;
    let echo = &document["paths"]["/api/tools/notes_echo"]["post"];
    assert_eq!(echo["operationId"], "notes_echo");
    assert_eq!(echo["x-openai-isConsequential"], false);
    assert_eq!(document["paths"]["/api/tools/notes_ask"]["post"]["x-openai-isConsequential"], true);
    let input = &echo["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(input["properties"]["text"]["description"], "What to say.");
    let output =
        &echo["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["structured"];
    assert_eq!(output["properties"]["said"]["type"], "string");
    assert_eq!(
        document["paths"]["/health"]["get"]["security"],
        Value::Array(Vec::new()),
        "health alone needs no key"
    );
}

/// What OpenAPI 3.1 and JSON Schema 2020-12 ask for, as far as the document uses it, and what ChatGPT's importer asks for.
#[tokio::test]
async fn it_is_sound() {
    let house = House::open().await;
    let document = document(&house).await;
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    let mut ids = HashSet::new();
    for (method, path, operation) in operations(&document) {
        let at = format!("{method} {path}");
        assert!(matches!(method.as_str(), "get" | "post" | "patch"), "{at}");
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{at} has no id"));
        assert!(ids.insert(id.to_owned()), "{id} is there twice");
        assert!(operation["summary"].is_string(), "{at}");
        for name in ["summary", "description"] {
            let length = operation[name].as_str().unwrap_or_default().chars().count();
            assert!(length <= SUMMARY_CHARACTERS_MAX, "{at}: {name} has {length} characters");
        }
        check_parameters(&at, &path, operation);
        check_responses(&at, operation);
        check_security(&at, operation, &document);
        if let Some(body) = operation.get("requestBody") {
            assert!(method != "get" && body["required"] == true, "{at}");
            check_content(&at, &body["content"]);
        }
    }
    check_references(&document, &document);
}

/// Every place in the path is a parameter, and every parameter in the path has its place.
fn check_parameters(at: &str, path: &str, operation: &Value) {
    let declared = operation["parameters"].as_array().cloned().unwrap_or_default();
    let in_path: BTreeSet<&str> =
        declared.iter().filter(|one| one["in"] == "path").map(|one| one["name"].as_str().unwrap()).collect();
    let places: BTreeSet<&str> =
        path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
    assert_eq!(in_path, places, "{at}");
    for one in &declared {
        assert!(one["in"] != "path" || one["required"] == true, "{at}: {one}");
        assert!(one["description"].as_str().unwrap().len() <= 700, "{at}: {one}");
        check_schema(at, &one["schema"]);
    }
}

fn check_responses(at: &str, operation: &Value) {
    let responses = operation["responses"].as_object().unwrap();
    assert!(!responses.is_empty(), "{at}");
    for (status, response) in responses {
        assert!(
            status == "default" || status.parse::<u16>().is_ok_and(|code| (100..600).contains(&code)),
            "{at} {status}"
        );
        assert!(response["description"].is_string(), "{at} {status}: OpenAPI asks for a description");
        if let Some(content) = response.get("content") {
            check_content(at, content);
        }
    }
}

fn check_content(at: &str, content: &Value) {
    for (media_type, body) in content.as_object().unwrap() {
        assert!(media_type.contains('/'), "{at}: {media_type}");
        check_schema(at, &body["schema"]);
    }
}

fn check_schema(at: &str, schema: &Value) {
    assert!(schema.is_object(), "{at}: no schema");
    assert!(jsonschema::meta::is_valid(schema), "{at}: not a JSON Schema: {schema}");
    check_objects(at, schema);
}

/// What importers ask for, at any depth.
fn check_objects(at: &str, schema: &Value) {
    assert!(
        schema["type"] != "object" || schema.get("properties").is_some(),
        "{at}: an object without properties: {schema}"
    );
    match schema {
        Value::Object(members) => members.values().for_each(|member| check_objects(at, member)),
        Value::Array(items) => items.iter().for_each(|item| check_objects(at, item)),
        _ => {}
    }
}

fn check_security(at: &str, operation: &Value, document: &Value) {
    let known: &Map<String, Value> = document["components"]["securitySchemes"].as_object().unwrap();
    let asked = operation.get("security").unwrap_or(&document["security"]).as_array().unwrap();
    let names = asked.iter().flat_map(|one| one.as_object().unwrap().keys());
    names.for_each(|name| assert!(known.contains_key(name), "{at}: {name}"));
    assert!(!asked.is_empty() || at == "get /health", "{at} needs a key");
}

/// Every reference leads somewhere within the document.
fn check_references(part: &Value, document: &Value) {
    match part {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get("$ref") {
                let place = target.strip_prefix('#').unwrap_or_else(|| panic!("{target} leads out"));
                assert!(document.pointer(place).is_some(), "{target} leads nowhere");
            }
            members.values().for_each(|member| check_references(member, document));
        }
        Value::Array(items) => items.iter().for_each(|item| check_references(item, document)),
        _ => {}
    }
}

#[tokio::test]
async fn its_address_can_be_asked_for() {
    let house = House::open().await;
    let document = document(&house).await;
    assert_eq!(document["servers"][0]["url"], "/");
    let asked = house.get("/openapi.json?server=https://bridge.example.org").await.json();
    assert_eq!(asked["servers"][0]["url"], "https://bridge.example.org");
    assert_eq!(asked["paths"], document["paths"]);
    for bad in ["server=evil", "servre=https://x.example", "server=a&server=b"] {
        assert_eq!(house.get(&format!("/openapi.json?{bad}")).await.kind(), "invalid-request", "{bad}");
    }
}
