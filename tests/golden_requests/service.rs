//! What the cloud tells of itself: beyond the document.

use gizwits2mqtt::gizwits::service::LiveError;

use super::{HERE, NOW, Wire};

#[tokio::test]
async fn the_live_error_table_and_the_version_need_the_application_id_alone() {
    let wire = Wire::up().await;
    wire.will_say(
        "200 OK",
        r#"[{"status": 404, "error_code": 9220, "error_message": "scene not found!"}]"#,
    );
    let expected = LiveError {
        code: 9220,
        status: 404,
        message: "scene not found!".into(),
    };
    assert_eq!(wire.api.live_errors(HERE, NOW).await, Ok(vec![expected]));
    wire.sent("GET /errors\ncontent-type: application/json\nx-gizwits-application-id: abc");

    wire.will_say("200 OK", r#"{"status": {"version": "2.15.1"}}"#);
    assert_eq!(wire.api.api_version(HERE, NOW).await.unwrap(), "2.15.1");
    wire.sent("GET /status\ncontent-type: application/json\nx-gizwits-application-id: abc");
}
