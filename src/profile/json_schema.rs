//! The JSON Schema of a profile, by which editors complete and check. Here and at the types themselves is all
//! that knows of the crate `schemars`.

use serde_json::Value;

use super::file::ProfileFile;

/// See the module.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = schemars::schema_for!(ProfileFile);
    schema.insert("title".into(), "A profile of gizwits2mqtt".into());
    schema.to_value()
}
