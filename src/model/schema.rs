//! The datapoints of one product, from the document that `GET /app/datapoint` answers.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ids::{AttrName, ProductKey};

use super::Datapoint;

/// What a product can report and be told.
#[derive(Debug, Clone, PartialEq)]
pub struct ProductSchema {
    /// The product.
    pub product_key: ProductKey,
    /// The vendor's name, often Chinese; may be empty.
    pub name: String,
    /// True when it was guessed from reports, see `model::infer`.
    pub inferred: bool,
    datapoints: Vec<Datapoint>,
    by_name: BTreeMap<AttrName, usize>,
}

/// Why a schema document cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the product schema cannot be read: {0}")]
pub struct SchemaError(pub String);

impl ProductSchema {
    /// Builds a schema; of two datapoints with one name the first counts.
    #[must_use]
    pub fn new(
        product_key: ProductKey,
        name: String,
        inferred: bool,
        datapoints: Vec<Datapoint>,
    ) -> Self {
        let mut by_name = BTreeMap::new();
        for (index, datapoint) in datapoints.iter().enumerate() {
            by_name.entry(datapoint.name.clone()).or_insert(index);
        }
        Self {
            product_key,
            name,
            inferred,
            datapoints,
            by_name,
        }
    }

    /// Reads the cloud's document. A datapoint that cannot be read is left out and named in the
    /// second value; one of an unknown data type becomes a read-only text.
    ///
    /// # Errors
    /// [`SchemaError`] when the document has no list of datapoints at all.
    pub fn parse(
        product_key: &ProductKey,
        document: &Value,
    ) -> Result<(Self, Vec<String>), SchemaError> {
        todo!("{product_key} {document}")
    }

    /// The datapoints in the order of the schema.
    #[must_use]
    pub fn datapoints(&self) -> &[Datapoint] {
        &self.datapoints
    }

    /// The datapoint of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Datapoint> {
        self.by_name
            .get(name)
            .and_then(|index| self.datapoints.get(*index))
    }
}
