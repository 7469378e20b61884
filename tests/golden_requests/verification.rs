//! Application token, captcha, text message, reset.

use gizwits2mqtt::gizwits::{AppToken, Captcha};

use super::{HERE, NOW, Wire, secret};

fn app_token() -> AppToken {
    AppToken {
        token: secret("app-token"),
        expires_at: None,
    }
}

#[tokio::test]
async fn an_application_token_is_asked_for_with_the_md5_of_id_and_secret() {
    let wire = Wire::up().await;
    wire.will_say(
        "200 OK",
        r#"{"token": "XxXXXxxxxx", "expired_at": 123333333}"#,
    );
    let token = wire.api.app_token(HERE, &secret("def"), NOW).await.unwrap();
    assert_eq!(token.token, secret("XxXXXxxxxx"));
    assert_eq!(token.expires_at, Some(123_333_333));
    // md5("abcdef")
    wire.sent(
        "POST /app/request_token\n\
         content-length: 0\n\
         content-type: application/json\n\
         x-gizwits-application-auth: e80b5017098950fc58aad83c8c14978e\n\
         x-gizwits-application-id: abc",
    );
}

#[tokio::test]
async fn the_captcha_and_the_codes_show_the_application_token_alone() {
    let wire = Wire::up().await;
    let picture = format!("{}/captcha/7.png", wire.listener.url);
    let answer = format!(r#"{{"captcha_url": "{picture}", "captcha_id": "cap-7"}}"#);
    wire.will_say("200 OK", &answer);
    let captcha = wire.api.captcha(HERE, &app_token(), NOW).await.unwrap();
    let expected = Captcha {
        id: "cap-7".into(),
        url: picture,
    };
    assert_eq!(captcha, expected);
    wire.sent(
        "GET /app/verify/codes\n\
         content-type: application/json\n\
         x-gizwits-application-id: abc\n\
         x-gizwits-application-token: app-token",
    );

    wire.will_say("201 Created", "");
    wire.api
        .send_code(HERE, &app_token(), "cap-7", "123123", "123123123", NOW)
        .await
        .unwrap();
    wire.sent(
        "POST /app/verify/codes\n\
         content-type: application/json\n\
         x-gizwits-application-id: abc\n\
         x-gizwits-application-token: app-token\n\
         {\"captcha_code\":\"123123\",\"captcha_id\":\"cap-7\",\"phone\":\"123123123\"}",
    );

    wire.will_say("200 OK", "");
    wire.api
        .verify_code(HERE, &app_token(), "123123123", "123xx", NOW)
        .await
        .unwrap();
    wire.sent(
        "PUT /app/verify/codes\n\
         content-type: application/json\n\
         x-gizwits-application-id: abc\n\
         x-gizwits-application-token: app-token\n\
         {\"phone\":\"123123123\",\"sms_code\":\"123xx\"}",
    );
}

#[tokio::test]
async fn the_picture_is_fetched_without_telling_who_asks() {
    let wire = Wire::up().await;
    let captcha = Captcha {
        id: "cap-7".into(),
        url: format!("{}/captcha/7.png?size=2", wire.listener.url),
    };
    wire.will_say("200 OK\nContent-Type: image/png", "PNG");
    let picture = wire.api.captcha_picture(&captcha, NOW).await.unwrap();
    assert_eq!(picture, b"PNG");
    wire.sent("GET /captcha/7.png?size=2");
}

#[tokio::test]
async fn a_password_is_reset_without_any_token() {
    let wire = Wire::up().await;
    wire.will_say("200 OK", "{}");
    wire.api
        .reset_password_by_email(HERE, "bob@bob.com", NOW)
        .await
        .unwrap();
    wire.sent(
        "POST /app/reset_password\n\
         content-type: application/json\n\
         x-gizwits-application-id: abc\n\
         {\"email\":\"bob@bob.com\"}",
    );

    wire.will_say("200 OK", "");
    let password = secret("1323200");
    wire.api
        .reset_password_by_phone(HERE, "13232433", "13232", &password, NOW)
        .await
        .unwrap();
    wire.sent(
        "POST /app/reset_password\n\
         content-type: application/json\n\
         x-gizwits-application-id: abc\n\
         {\"code\":\"13232\",\"new_pwd\":\"1323200\",\"phone\":\"13232433\"}",
    );
}
