//! Layer 1: what a Gizwits cloud talks about (products, datapoints, values, devices), as pure data.

pub mod attrs;
pub mod binding;
pub mod datapoint;
pub mod device;
pub mod endpoint;
pub mod hex;
pub mod infer;
pub mod level;
pub mod preset;
pub mod region;
pub mod schedule;
pub mod schema;
pub mod value;
pub mod when;
pub mod zone;

pub use attrs::Attrs;
pub use datapoint::{Access, DataType, Datapoint, NumberSpec};
pub use device::Device;
pub use endpoint::Endpoint;
pub use region::Region;
pub use schedule::Schedule;
pub use schema::ProductSchema;
pub use value::{AttrValue, ValueError};
pub use when::When;
