//! Rows 13 to 18: application token, captcha, text message, reset.

use gizwits2mqtt::bridge::CallError;
use gizwits2mqtt::gizwits::AppToken;
use serde_json::json;

use super::row::{Row, Shows, fails, nothing, refused, step};
use super::stage::{APP_SECRET, HERE, Stage, secret};
use super::users::ELEVEN_MINUTES;

const PHONE: &str = "13800000001";
/// What every PNG picture begins with.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

async fn request_token(stage: &mut Stage, app_secret: &str) -> Result<(), CallError> {
    let token = stage
        .api
        .app_token(HERE, &secret(app_secret), stage.now)
        .await?;
    assert!(token.expires_at.unwrap() > stage.now);
    stage.note("app token", token.token.expose());
    Ok(())
}

/// The application token that the step before left.
fn app_token(stage: &Stage) -> AppToken {
    AppToken {
        token: secret(stage.noted("app token")),
        expires_at: None,
    }
}

async fn get_app_token(stage: &mut Stage) {
    request_token(stage, APP_SECRET).await.unwrap();
}

async fn captcha(stage: &mut Stage) -> Result<(), CallError> {
    let captcha = stage
        .api
        .captcha(HERE, &app_token(stage), stage.now)
        .await?;
    stage.note("captcha", captcha.id);
    stage.note("picture", captcha.url);
    Ok(())
}

async fn read_captcha(stage: &mut Stage) {
    get_app_token(stage).await;
    captcha(stage).await.unwrap();
    let shown = stage.newest("captcha").await;
    stage.note("read", shown["code"].as_str().unwrap());
}

async fn send_code(stage: &Stage, read: &str, phone: &str) -> Result<(), CallError> {
    let id = stage.noted("captcha");
    stage
        .api
        .send_code(HERE, &app_token(stage), id, read, phone, stage.now)
        .await
}

async fn get_text_message(stage: &mut Stage) {
    get_app_token(stage).await;
    let code = stage.text_message(PHONE).await;
    stage.note("code", code);
}

async fn verify(stage: &Stage, code: &str) -> Result<(), CallError> {
    stage
        .api
        .verify_code(HERE, &app_token(stage), PHONE, code, stage.now)
        .await
}

async fn reset_by_mail(stage: &Stage, email: &str) -> Result<(), CallError> {
    stage
        .api
        .reset_password_by_email(HERE, email, stage.now)
        .await
}

async fn reset_by_phone(stage: &Stage, phone: &str, code: &str) -> Result<(), CallError> {
    stage
        .api
        .reset_password_by_phone(HERE, phone, code, &secret("new-password"), stage.now)
        .await
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            number: "13",
            what: "get an application token",
            request: "POST /app/request_token",
            shows: Shows::App,
            client: "app_token",
            command: "account app-token --app-secret-file",
            runs: &["account app-token --app-secret-file app-secret"],
            status: 200,
            answer: &["token", "expired_at"],
            arrange: nothing,
            act: step!(|stage| request_token(stage, APP_SECRET).await),
            check: step!(|stage| captcha(stage).await.unwrap()),
            refusals: vec![refused(
                9038,
                "another secret",
                step!(|stage| request_token(stage, "other-secret").await),
            )],
        },
        Row {
            number: "14",
            what: "get a captcha",
            request: "GET /app/verify/codes",
            shows: Shows::AppToken,
            client: "captcha",
            command: "account captcha --out",
            runs: &["account captcha --out picture.png"],
            status: 200,
            answer: &["captcha_id", "captcha_url"],
            arrange: step!(|stage| get_app_token(stage).await),
            act: step!(|stage| captcha(stage).await),
            check: nothing,
            refusals: Vec::new(),
        },
        Row {
            number: "15",
            what: "have a code sent to a phone",
            request: "POST /app/verify/codes",
            shows: Shows::AppToken,
            client: "send_code",
            command: "account send-code --phone --captcha-id --captcha-code",
            runs: &[
                "account send-code --phone 13800000001 --captcha-id {captcha} --captcha-code {read}",
            ],
            status: 201,
            answer: &[],
            arrange: step!(|stage| read_captcha(stage).await),
            act: step!(|stage| send_code(stage, stage.noted("read"), PHONE).await),
            check: step!(|stage| {
                let message = stage.newest("sms").await;
                assert_eq!(message["to"], PHONE);
                verify(stage, message["code"].as_str().unwrap())
                    .await
                    .unwrap();
            }),
            refusals: vec![
                refused(
                    9010,
                    "the captcha was read wrongly",
                    step!(|stage| send_code(stage, "wrong", PHONE).await),
                ),
                refused(
                    9037,
                    "it is no phone number",
                    step!(|stage| send_code(stage, stage.noted("read"), "call me").await),
                ),
                refused(
                    9009,
                    "the captcha is 11 minutes old",
                    step!(|stage| {
                        stage.wait(ELEVEN_MINUTES).await;
                        send_code(stage, stage.noted("read"), PHONE).await
                    }),
                ),
            ],
        },
        Row {
            number: "16",
            what: "verify a code",
            request: "PUT /app/verify/codes",
            shows: Shows::AppToken,
            client: "verify_code",
            command: "account verify-code --phone --code",
            runs: &["account verify-code --phone 13800000001 --code {code}"],
            status: 200,
            answer: &[],
            arrange: step!(|stage| get_text_message(stage).await),
            act: step!(|stage| verify(stage, stage.noted("code")).await),
            check: nothing,
            refusals: vec![
                refused(
                    9010,
                    "another code",
                    step!(|stage| verify(stage, "wrong").await),
                ),
                refused(
                    9009,
                    "the code is 11 minutes old",
                    step!(|stage| {
                        stage.wait(ELEVEN_MINUTES).await;
                        verify(stage, stage.noted("code")).await
                    }),
                ),
            ],
        },
        Row {
            number: "17",
            what: "reset a password by e-mail",
            request: "POST /app/reset_password",
            shows: Shows::App,
            client: "reset_password_by_email",
            command: "account reset-password --email",
            runs: &["account reset-password --email amy@example.com"],
            status: 200,
            answer: &[],
            arrange: nothing,
            act: step!(|stage| reset_by_mail(stage, "amy@example.com").await),
            check: step!(|stage| {
                let mail = stage.newest("mail").await;
                assert_eq!(mail["to"], "amy@example.com");
                let link = mail["link"].as_str().unwrap();
                let path = link.splitn(4, '/').nth(3).unwrap();
                let form = json!({ "new_pwd": "new-password" });
                let (status, _) = stage.ask("POST", &format!("/{path}"), form).await;
                assert_eq!(status, 200);
                stage.log_in("amy@example.com", "new-password").await;
            }),
            refusals: vec![refused(
                9005,
                "nobody has that address",
                step!(|stage| reset_by_mail(stage, "nobody@example.com").await),
            )],
        },
        Row {
            number: "18",
            what: "reset a password by phone",
            request: "POST /app/reset_password",
            shows: Shows::App,
            client: "reset_password_by_phone",
            command: "account reset-password --phone --code",
            runs: &[
                "account reset-password --phone 13800000001 --code {code} --password-file new-password",
            ],
            status: 200,
            answer: &[],
            arrange: step!(|stage| get_text_message(stage).await),
            act: step!(|stage| reset_by_phone(stage, PHONE, stage.noted("code")).await),
            check: step!(|stage| {
                stage.log_in(PHONE, "new-password").await;
            }),
            refusals: vec![
                refused(
                    9010,
                    "another code",
                    step!(|stage| reset_by_phone(stage, PHONE, "wrong").await),
                ),
                refused(
                    9009,
                    "the code is 11 minutes old",
                    step!(|stage| {
                        stage.wait(ELEVEN_MINUTES).await;
                        reset_by_phone(stage, PHONE, stage.noted("code")).await
                    }),
                ),
                refused(
                    9005,
                    "nobody has that number",
                    step!(|stage| {
                        let code = stage.text_message("13800000099").await;
                        reset_by_phone(stage, "13800000099", &code).await
                    }),
                ),
            ],
        },
    ]
}

/// Beyond the document: the picture itself.
pub(super) fn picture() -> Row {
    Row {
        number: "+1",
        what: "fetch a captcha's picture",
        request: "GET /captcha/image/{id}/",
        shows: Shows::Nothing,
        client: "captcha_picture",
        command: "account captcha --out",
        runs: &["account captcha --out picture.png"],
        status: 200,
        answer: &[],
        arrange: step!(|stage| read_captcha(stage).await),
        act: step!(|stage| {
            let picture = fetch_picture(stage, stage.noted("picture")).await?;
            assert!(picture.starts_with(PNG));
            Ok(())
        }),
        check: nothing,
        refusals: vec![fails(
            "no such picture: HTTP 404",
            step!(|stage| {
                let url = format!("{}/captcha/image/none/", stage.tap.url);
                fetch_picture(stage, &url).await.map(drop)
            }),
        )],
    }
}

async fn fetch_picture(stage: &Stage, url: &str) -> Result<Vec<u8>, CallError> {
    let captcha = gizwits2mqtt::gizwits::Captcha {
        id: stage.noted("captcha").into(),
        url: url.into(),
    };
    stage.api.captcha_picture(&captcha, stage.now).await
}
