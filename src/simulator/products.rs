//! `GET /app/datapoint`: a product's schema. The application id is enough (seen).

use serde_json::{Value, json};

use super::errors::{Answered, ApiError};
use super::exchange::{Answer, Request};
use super::world::World;

pub(super) fn datapoint(world: &World, request: &Request) -> Answered {
    let product_key = request
        .query
        .get("product_key")
        .ok_or(ApiError::plain(9015))?;
    let product = world
        .products
        .get(product_key)
        .ok_or(ApiError::plain(9002))?;
    let datapoints = product.datapoints.as_ref().ok_or(ApiError::plain(9002))?;
    let attrs: Vec<Value> = datapoints
        .iter()
        .enumerate()
        .map(|(id, datapoint)| {
            let mut attr = datapoint.clone();
            attr.insert("id".into(), id.into());
            attr.into()
        })
        .collect();
    let body = json!({
        "name": product.name,
        "product_key": product_key,
        "protocolType": "standard",
        "packetVersion": "0x00000004",
        "entities": [{ "id": 0, "name": "entity0", "display_name": "", "attrs": attrs }],
    });
    Ok(Answer::json(200, &body))
}
