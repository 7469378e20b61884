//! Rows 1 to 6, and 12: registration and login.

use gizwits2mqtt::bridge::CallError;
use gizwits2mqtt::gizwits::{NewUser, Provider};

use super::row::{Row, Shows, nothing, refused, step};
use super::stage::{HERE, OTHER_APP, Stage, secret};

const SESSION: &[&str] = &["uid", "token", "expire_at"];
/// A number that nobody has.
pub(super) const PHONE: &str = "13800000099";
pub(super) const TAKEN_PHONE: &str = "13800000001";
/// Longer than a code from a text message is good.
pub(super) const ELEVEN_MINUTES: i64 = 11 * 60;

pub(super) async fn register(stage: &mut Stage, user: NewUser) -> Result<(), CallError> {
    let session = stage.api.create_user(HERE, &user, stage.now).await?;
    stage.note("uid", session.uid);
    Ok(())
}

pub(super) fn anonymous(phone_id: &str) -> NewUser {
    NewUser::Anonymous {
        phone_id: secret(phone_id),
    }
}

fn named(username: &str, password: &str) -> NewUser {
    NewUser::Username {
        username: username.into(),
        password: secret(password),
    }
}

fn mailed(email: &str) -> NewUser {
    NewUser::Email {
        email: email.into(),
        password: secret("new-password"),
    }
}

fn phoned(phone: &str, code: &str) -> NewUser {
    NewUser::Phone {
        phone: phone.into(),
        password: secret("new-password"),
        code: secret(code),
    }
}

fn third_party(provider: Provider, token: &str) -> NewUser {
    NewUser::ThirdParty {
        provider,
        uid: "openid-1".into(),
        token: secret(token),
    }
}

/// The user of the noted uid has this name and password now.
pub(super) async fn is_known_as(stage: &Stage, name: &str, password: &str) {
    let session = stage.log_in(name, password).await;
    assert_eq!(session.uid, stage.noted("uid"), "{name}");
    let profile = stage.api.profile(HERE, stage.now).await.unwrap();
    assert_eq!(profile["is_anonymous"], false, "{name}");
}

pub(super) async fn note_text_message(stage: &mut Stage, phone: &str) {
    let code = stage.text_message(phone).await;
    stage.note("code", code);
}

pub(super) fn registrations() -> Vec<Row> {
    vec![
        Row {
            number: "1",
            what: "register an anonymous user",
            request: "POST /app/users",
            shows: Shows::App,
            client: "create_user(NewUser::Anonymous)",
            command: "account register --phone-id",
            runs: &["account register --phone-id new-phone-id-of-16"],
            status: 201,
            answer: SESSION,
            arrange: nothing,
            act: step!(|stage| register(stage, anonymous("new-phone-id")).await),
            check: step!(|stage| {
                let uid = stage.noted("uid").to_owned();
                register(stage, anonymous("new-phone-id")).await.unwrap();
                assert_eq!(stage.noted("uid"), uid, "the same id is the same user");
                register(stage, anonymous("other-phone-id")).await.unwrap();
                assert_ne!(stage.noted("uid"), uid);
            }),
            refusals: vec![refused(
                9015,
                "without an id",
                step!(|stage| register(stage, anonymous("")).await),
            )],
        },
        Row {
            number: "2",
            what: "register by user name",
            request: "POST /app/users",
            shows: Shows::App,
            client: "create_user(NewUser::Username)",
            command: "account register --username --password-file",
            runs: &["account register --username carol --password-file new-password"],
            status: 201,
            answer: SESSION,
            arrange: nothing,
            act: step!(|stage| register(stage, named("carol", "carols-password")).await),
            check: step!(|stage| is_known_as(stage, "carol", "carols-password").await),
            refusals: vec![
                refused(
                    9019,
                    "the name is taken",
                    step!(|stage| register(stage, named("bob", "p")).await),
                ),
                refused(
                    9015,
                    "without a password",
                    step!(|stage| register(stage, named("dave", "")).await),
                ),
            ],
        },
        Row {
            number: "3",
            what: "register by e-mail",
            request: "POST /app/users",
            shows: Shows::App,
            client: "create_user(NewUser::Email)",
            command: "account register --email --password-file",
            runs: &["account register --email carol@example.com --password-file new-password"],
            status: 201,
            answer: SESSION,
            arrange: nothing,
            act: step!(|stage| register(stage, mailed("carol@example.com")).await),
            check: step!(|stage| {
                assert_eq!(stage.newest("mail").await["to"], "carol@example.com");
                is_known_as(stage, "carol@example.com", "new-password").await;
            }),
            refusals: vec![
                refused(
                    9022,
                    "the address is taken",
                    step!(|stage| register(stage, mailed("amy@example.com")).await),
                ),
                refused(
                    9015,
                    "it is no address",
                    step!(|stage| register(stage, mailed("carol")).await),
                ),
            ],
        },
        Row {
            number: "4",
            what: "register by phone",
            request: "POST /app/users",
            shows: Shows::App,
            client: "create_user(NewUser::Phone)",
            command: "account register --phone --code --password-file",
            runs: &[
                "account register --phone 13800000099 --code {code} --password-file new-password",
            ],
            status: 201,
            answer: SESSION,
            arrange: step!(|stage| note_text_message(stage, PHONE).await),
            act: step!(|stage| {
                let user = phoned(PHONE, stage.noted("code"));
                register(stage, user).await
            }),
            check: step!(|stage| is_known_as(stage, PHONE, "new-password").await),
            refusals: vec![
                refused(
                    9018,
                    "the number is taken",
                    step!(|stage| register(stage, phoned(TAKEN_PHONE, "000000")).await),
                ),
                refused(
                    9010,
                    "another code",
                    step!(|stage| register(stage, phoned(PHONE, "wrong")).await),
                ),
                refused(
                    9009,
                    "the code is 11 minutes old",
                    step!(|stage| {
                        stage.wait(ELEVEN_MINUTES).await;
                        let user = phoned(PHONE, stage.noted("code"));
                        register(stage, user).await
                    }),
                ),
            ],
        },
        Row {
            number: "5",
            what: "register by an account at Baidu or Sina",
            request: "POST /app/users",
            shows: Shows::App,
            client: "create_user(NewUser::ThirdParty)",
            command: "account register --third-party --uid --token-file",
            runs: &["account register --third-party baidu --uid openid-1 --token-file theirs"],
            status: 201,
            answer: SESSION,
            arrange: nothing,
            act: step!(|stage| register(stage, third_party(Provider::Baidu, "theirs")).await),
            check: step!(|stage| {
                let uid = stage.noted("uid").to_owned();
                let again = third_party(Provider::Baidu, "theirs, later");
                register(stage, again).await.unwrap();
                assert_eq!(stage.noted("uid"), uid, "it is who it was");
                let elsewhere = third_party(Provider::Sina, "theirs");
                register(stage, elsewhere).await.unwrap();
                assert_ne!(stage.noted("uid"), uid, "ids are each provider's own");
            }),
            refusals: vec![refused(
                9026,
                "the provider knows no such token",
                step!(|stage| register(stage, third_party(Provider::Sina, "invalid")).await),
            )],
        },
        Row {
            number: "6",
            what: "register by QQ",
            request: "POST /app/users",
            shows: Shows::App,
            client: "create_user(NewUser::ThirdParty, Provider::Qq)",
            command: "account register --third-party --uid --token-file",
            runs: &["account register --third-party qq --uid openid-1 --token-file theirs"],
            status: 201,
            answer: SESSION,
            arrange: nothing,
            act: step!(|stage| register(stage, third_party(Provider::Qq, "theirs")).await),
            check: nothing,
            refusals: vec![refused(
                9031,
                "the application is not linked with QQ",
                step!(|stage| {
                    stage.become_app(OTHER_APP);
                    register(stage, third_party(Provider::Qq, "theirs")).await
                }),
            )],
        },
    ]
}

async fn log_in(stage: &mut Stage, username: &str, password: &str) -> Result<(), CallError> {
    let password = secret(password);
    let session = stage
        .api
        .log_in(HERE, username, &password, stage.now)
        .await?;
    assert!(session.expires_at > stage.now, "it begins alive");
    Ok(())
}

pub(super) fn login() -> Row {
    Row {
        number: "12",
        what: "log in by name, e-mail or phone",
        request: "POST /app/login",
        shows: Shows::App,
        client: "log_in",
        command: "account login --username --password-file",
        runs: &["account login --username bob --password-file bobs-password"],
        status: 200,
        answer: SESSION,
        arrange: nothing,
        act: step!(|stage| log_in(stage, "bob", "bobs-password").await),
        check: step!(|stage| {
            let first = stage.api.session(HERE).unwrap();
            for (name, password) in [
                ("amy@example.com", "amys-password"),
                ("13800000001", "phones-password"),
                ("bob", "bobs-password"),
            ] {
                log_in(stage, name, password).await.unwrap();
            }
            let second = stage.api.session(HERE).unwrap();
            assert_eq!(first.uid, second.uid);
            assert_ne!(first.token, second.token, "each login makes a new token");
            stage.api.restore(HERE, first);
            stage.api.profile(HERE, stage.now).await.unwrap();
        }),
        refusals: vec![
            refused(
                9005,
                "no such user",
                step!(|stage| log_in(stage, "nobody", "p").await),
            ),
            refused(
                9020,
                "another password",
                step!(|stage| log_in(stage, "bob", "amys-password").await),
            ),
            refused(
                9015,
                "without a password",
                step!(|stage| log_in(stage, "bob", "").await),
            ),
        ],
    }
}
