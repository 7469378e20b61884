//! Users: the six registrations, the five changes, login; profile and logout beyond the document.

use gizwits2mqtt::bridge::{CloudCall, Reply};
use gizwits2mqtt::gizwits::{NewUser, Provider, Session, UserChange};

use super::{HERE, NOW, Wire, secret};

const SESSION: &str = r#"{"uid": "akkdlfeiow", "token": "akdlfkad", "expire_at": 13894002020}"#;

#[tokio::test]
async fn each_registration_says_who_the_user_is_and_brings_a_session() {
    for (user, body) in [
        (
            NewUser::Anonymous {
                phone_id: secret("apiary"),
            },
            r#"{"phone_id":"apiary"}"#,
        ),
        (
            NewUser::Username {
                username: "bob".into(),
                password: secret("123456"),
            },
            r#"{"password":"123456","username":"bob"}"#,
        ),
        (
            NewUser::Email {
                email: "bob@bob.com".into(),
                password: secret("123456"),
            },
            r#"{"email":"bob@bob.com","password":"123456"}"#,
        ),
        (
            NewUser::Phone {
                phone: "123456".into(),
                password: secret("123456"),
                code: secret("abc"),
            },
            r#"{"code":"abc","password":"123456","phone":"123456"}"#,
        ),
        (
            third_party(Provider::Baidu),
            r#"{"authData":{"src":"baidu","token":"pnktn","uid":"2346677"}}"#,
        ),
        (
            third_party(Provider::Sina),
            r#"{"authData":{"src":"sina","token":"pnktn","uid":"2346677"}}"#,
        ),
        (
            third_party(Provider::Qq),
            r#"{"authData":{"src":"qq","token":"pnktn","uid":"2346677"}}"#,
        ),
    ] {
        // A session of before proves nothing about a user to come: it stays at home.
        let wire = Wire::up().await;
        wire.will_say("201 Created", SESSION);
        let session = wire.api.create_user(HERE, &user, NOW).await.unwrap();
        assert_eq!(session, expected());
        assert_eq!(wire.api.session(HERE), Some(expected()), "it is logged in");
        wire.sent(&format!(
            "POST /app/users\n\
             content-type: application/json\n\
             x-gizwits-application-id: abc\n\
             {body}"
        ));
    }
}

fn third_party(provider: Provider) -> NewUser {
    NewUser::ThirdParty {
        provider,
        uid: "2346677".into(),
        token: secret("pnktn"),
    }
}

fn expected() -> Session {
    Session {
        uid: "akkdlfeiow".into(),
        token: secret("akdlfkad"),
        expires_at: 13_894_002_020,
    }
}

#[tokio::test]
async fn each_change_shows_the_user_token_and_tells_when_it_was_made() {
    for (change, body) in [
        (
            UserChange::Username {
                username: "bob".into(),
                password: secret("abda2"),
            },
            r#"{"password":"abda2","username":"bob"}"#,
        ),
        (
            UserChange::Phone {
                phone: "1328830223".into(),
                password: secret("123456"),
                code: secret("123"),
            },
            r#"{"code":"123","password":"123456","phone":"1328830223"}"#,
        ),
        (
            UserChange::Password {
                old: secret("123456"),
                new: secret("654321"),
            },
            r#"{"new_pwd":"654321","old_pwd":"123456"}"#,
        ),
        (
            UserChange::Email {
                email: "bob@bob.com".into(),
            },
            r#"{"email":"bob@bob.com"}"#,
        ),
        (
            UserChange::PhoneNumber {
                phone: "1328830223".into(),
                code: secret("abc"),
            },
            r#"{"code":"abc","phone":"1328830223"}"#,
        ),
    ] {
        let wire = Wire::up().await;
        wire.will_say("200 OK", r#"{"updatedAt": "2011-11-07T21:25:10.623Z"}"#);
        let updated_at = wire.api.change_user(HERE, &change, NOW).await.unwrap();
        assert_eq!(updated_at.as_deref(), Some("2011-11-07T21:25:10.623Z"));
        wire.sent(&format!(
            "PUT /app/users\n\
             content-type: application/json\n\
             x-gizwits-application-id: abc\n\
             x-gizwits-user-token: user-token\n\
             {body}"
        ));
    }
}

#[tokio::test]
async fn a_login_shows_no_token_and_brings_one() {
    let wire = Wire::without_token().await;
    wire.will_say("200 OK", SESSION);
    let password = secret("123456");
    let session = wire.api.log_in(HERE, "bob", &password, NOW).await.unwrap();
    assert_eq!(session, expected());
    // `lang` is what the vendor's own apps send beside the documented two.
    let login = "POST /app/login\n\
        content-type: application/json\n\
        x-gizwits-application-id: abc\n\
        {\"lang\":\"en\",\"password\":\"123456\",\"username\":\"bob\"}";
    wire.sent(login);

    wire.will_say("200 OK", SESSION);
    let reply = wire.api.perform(HERE, CloudCall::Login, NOW).await.unwrap();
    let Reply::LoggedIn { uid, expires_at } = reply else {
        panic!("{reply:?}");
    };
    assert_eq!(
        (uid.as_str(), expires_at),
        ("akkdlfeiow", 13_894_002_020_i64)
    );
    wire.sent(login);
}

#[tokio::test]
async fn profile_and_logout_show_the_user_token() {
    let wire = Wire::up().await;
    wire.will_say("200 OK", r#"{"username": "bob", "phone": null}"#);
    let profile = wire.api.profile(HERE, NOW).await.unwrap();
    assert_eq!(profile["username"], "bob");
    wire.sent(
        "GET /app/users\n\
         content-type: application/json\n\
         x-gizwits-application-id: abc\n\
         x-gizwits-user-token: user-token",
    );

    wire.will_say("204 No Content", "");
    wire.api.log_out(HERE, NOW).await.unwrap();
    assert_eq!(wire.api.session(HERE), None, "it is of no use any more");
    wire.sent(
        "DELETE /app/logout\n\
         content-type: application/json\n\
         x-gizwits-application-id: abc\n\
         x-gizwits-user-token: user-token",
    );
}
