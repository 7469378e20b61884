//! Product schemas as the cloud sent them: a restart asks for none of them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::ids::ProductKey;

use super::dir::{StateDir, file_name};
use super::error::StoreError;

const FOLDER: &str = "schemas";
/// The cloud is believed up to 4 MiB; here its document may be spelled longer.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

#[derive(Deserialize)]
struct Kept {
    product_key: ProductKey,
    document: Value,
}

impl StateDir {
    /// All documents.
    #[must_use]
    pub fn load_schemas(&self) -> BTreeMap<ProductKey, Value> {
        let kept: Vec<Kept> = self.read_all(FOLDER, MAX_BYTES);
        kept.into_iter()
            .map(|kept| (kept.product_key, kept.document))
            .collect()
    }

    /// Keeps a product's document.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn save_schema(
        &self,
        product_key: &ProductKey,
        document: &Value,
    ) -> Result<(), StoreError> {
        let name = format!("{FOLDER}/{}", file_name(product_key.as_str()));
        self.write(
            &name,
            &json!({ "product_key": product_key, "document": document }),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_come_back_whatever_the_product_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::open(folder.path()).unwrap();
        for key in ["abc", "../../etc"] {
            let key = ProductKey::new(key).unwrap();
            dir.save_schema(&key, &json!({ "name": key })).unwrap();
        }
        let names: Vec<String> = dir.load_schemas().keys().map(ToString::to_string).collect();
        assert_eq!(names, ["../../etc", "abc"]);
    }
}
