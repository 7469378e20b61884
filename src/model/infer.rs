//! Datapoints guessed from reports, for a product whose schema cannot be had and for attributes
//! that a schema does not know.

use serde_json::{Map, Value};

use super::ProductSchema;

/// `schema` widened by every attribute of `report` that it does not have, or `None` when it has
/// them all. New ones get [`super::Access::Inferred`]; a number gets no limits worth the name.
#[must_use]
pub fn widen(schema: &ProductSchema, report: &Map<String, Value>) -> Option<ProductSchema> {
    todo!("{schema:?} {report:?}")
}
