//! The cloud's error table: each documented code by name, what it means, what to do, and what helps.

use std::fmt;

use crate::bridge::ErrorClass;

/// What makes a call succeed that failed with a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cure {
    /// The same call again, a little later.
    Retry,
    /// A new token, then the call again.
    Login,
    /// No call at all for a while.
    Pause,
    /// Only a person can do something about it.
    Nothing,
}

impl Cure {
    /// A word for tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Login => "new login",
            Self::Pause => "pause",
            Self::Nothing => "nothing",
        }
    }
}

macro_rules! codes {
    ($($number:literal $name:ident $status:literal $class:ident $meaning:literal $remedy:literal)*) => {
        /// An `error_code` of the cloud (documented, 9001 to 9045 and 9999).
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ErrorCode {
            $(#[doc = $meaning] $name,)*
            /// One that the documents do not know.
            Unknown(u16),
        }

        impl ErrorCode {
            /// Every documented code, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code of a number.
            #[must_use]
            pub const fn of(number: u16) -> Self {
                match number {
                    $($number => Self::$name,)*
                    other => Self::Unknown(other),
                }
            }

            /// As the cloud sends it.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self {
                    $(Self::$name => $number,)*
                    Self::Unknown(number) => number,
                }
            }

            /// The HTTP status that goes with it (documented); 400 for one that is unknown.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self {
                    $(Self::$name => $status,)*
                    Self::Unknown(_) => 400,
                }
            }

            /// What the bridge does about it.
            #[must_use]
            pub const fn class(self) -> ErrorClass {
                match self {
                    $(Self::$name => ErrorClass::$class,)*
                    Self::Unknown(_) => ErrorClass::Refused,
                }
            }

            /// What the bridge does about it when a login is answered so: only a code that speaks of the
            /// user or the application is a verdict on the account; any other passes.
            #[must_use]
            pub const fn class_at_login(self) -> ErrorClass {
                if matches!(
                    self,
                    Self::PhoneUnavailable
                        | Self::UsernameUnavailable
                        | Self::EmailUnavailable
                        | Self::AppAuthInvalid
                        | Self::Deprecated
                ) {
                    return ErrorClass::LoginRefused;
                }
                match self.class() {
                    class @ (ErrorClass::LoginRefused
                    | ErrorClass::Fatal
                    | ErrorClass::Throttled) => class,
                    ErrorClass::TokenLost
                    | ErrorClass::DeviceOffline
                    | ErrorClass::DeviceGone
                    | ErrorClass::Refused
                    | ErrorClass::Unsent
                    | ErrorClass::Transient => ErrorClass::Transient,
                }
            }

            /// What helps.
            #[must_use]
            pub const fn cure(self) -> Cure {
                match self.class() {
                    ErrorClass::Throttled => Cure::Pause,
                    ErrorClass::TokenLost => Cure::Login,
                    ErrorClass::Transient | ErrorClass::Unsent => Cure::Retry,
                    ErrorClass::LoginRefused
                    | ErrorClass::DeviceOffline
                    | ErrorClass::DeviceGone
                    | ErrorClass::Refused
                    | ErrorClass::Fatal => Cure::Nothing,
                }
            }

            /// In plain words; `None` for one that is unknown.
            #[must_use]
            pub const fn meaning(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($meaning),)*
                    Self::Unknown(_) => None,
                }
            }

            /// What a person can do; empty for one that is unknown.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self {
                    $(Self::$name => $remedy,)*
                    Self::Unknown(_) => "",
                }
            }
        }
    };
}

codes! {
    9001 MacRegistered 400 Refused "the mac is registered already" "the device belongs to somebody; reset it, or ask its owner to share or unbind it"
    9002 ProductKeyInvalid 400 Refused "the product key is not known" "compare it with `devices list` or the vendor's papers"
    9003 AppIdInvalid 400 Fatal "the application id is not known" "set `app` to the app that you use, or correct `app_id`"
    9004 TokenInvalid 400 TokenLost "the user token is not known" "log in again; a token of another region is not known either"
    9005 UserNotFound 400 LoginRefused "there is no such user" "correct the user name, or try `region: auto`: each region has users of its own"
    9006 TokenExpired 400 TokenLost "the user token has expired" "log in again"
    9007 M2mIdInvalid 400 Refused "the M2M id is wrong" "this is between the cloud and its message server; try again later, else ask the vendor"
    9008 ServerError 500 Transient "the cloud has an internal error" "try again in a minute"
    9009 CodeExpired 400 Refused "the verification code has expired" "ask for a new one with `account send-code`"
    9010 CodeInvalid 400 Refused "the verification code is wrong" "copy it from the newest message, or ask for a new one with `account send-code`"
    9011 SandboxQuotaUsedUp 400 Refused "the product's quota of test devices is used up" "only the vendor can raise it"
    9012 ProductionQuotaUsedUp 400 Refused "the product's quota of devices is used up" "only the vendor can raise it"
    9013 NoQuota 400 Refused "the product has no quota of devices" "only the vendor can ask for one"
    9014 DeviceNotFound 404 DeviceGone "there is no such device" "`devices list` shows the devices of this account"
    9015 FormInvalid 400 Refused "the request is malformed" "one of the values has a form that the cloud does not take"
    9016 PasscodeInvalid 400 DeviceGone "the did or the passcode is wrong" "compare both with the device's label or its former owner's listing"
    9017 DeviceNotBound 401 DeviceGone "the device is not bound to this user" "bind it first, with `devices bind` or in the app"
    9018 PhoneUnavailable 400 Refused "the phone number has an account already, or none" "log in with it, or use another"
    9019 UsernameUnavailable 400 Refused "the user name is taken" "choose another"
    9020 PasswordWrong 400 LoginRefused "the user name or the password is wrong" "correct it; `account reset-password` makes a new one"
    9021 CommandNotSent 400 DeviceOffline "the command could not be delivered" "the device seems to be offline; look at its power and Wi-Fi"
    9022 EmailUnavailable 400 Refused "the e-mail address has an account already, or none" "log in with it, or use another"
    9023 DeviceDisabled 400 Refused "the device is disabled" "its vendor or owner has blocked it"
    9024 M2mNotNotified 400 Transient "the device's message server could not be told" "try again in a minute"
    9025 AttrInvalid 400 Refused "an attribute is unknown, read-only, or its value is refused" "`schema` shows what the device takes"
    9026 UserInvalid 400 LoginRefused "the user is wrong" "log in as the user that owns this"
    9027 FirmwareNotFound 404 Refused "there is no such firmware" "the vendor's app shows which one the device can have"
    9028 JdProductNotFound 404 Refused "JD.com does not know the product" "only the vendor can register it there"
    9029 NoDataStored 400 Refused "the device has no data stored" "it has not reported for long; look at its power and Wi-Fi"
    9030 ScheduleNotFound 404 Refused "there is no such schedule" "`schedules list` shows them with their ids"
    9031 QqKeyInvalid 400 Refused "the app's QQ key is wrong" "only the vendor can link the app with QQ"
    9032 OtaIdle 400 Refused "there is no firmware update for now" "look again later; nothing is wrong"
    9033 BluetoothUnverified 400 Refused "the Bluetooth firmware is not released yet" "only the vendor can release it"
    9034 BluetoothUpToDate 404 Refused "the Bluetooth firmware is up to date" "there is nothing to do"
    9035 StorageFailed 500 Transient "the cloud's storage failed" "try again in a minute"
    9036 EventNotDefined 400 Refused "the product defines no such event" "compare it with the product's events in the vendor's papers"
    9037 SmsFailed 400 Refused "the text message could not be sent" "check the number and the captcha code, then ask for a new captcha with `account captcha`"
    9038 AppAuthInvalid 400 Refused "the application's secret is wrong" "correct `app_secret`"
    9039 Deprecated 403 Refused "this call is not allowed for this application" "do without it, or ask the vendor; the cloud counts it as outdated"
    9040 QrContentInvalid 400 Refused "the QR code says nothing usable" "scan the device's own code again, or bind it by did and passcode"
    9041 Throttled 429 Throttled "too many requests" "wait some minutes; ask less often"
    9042 DeviceOffline 400 DeviceOffline "the device is offline" "look at its power and Wi-Fi"
    9043 TimestampInvalid 400 Refused "the request's time is off by more than five minutes" "set this machine's clock"
    9044 SignatureInvalid 400 Refused "the signature is wrong" "correct the product secret"
    9045 ApiGone 400 Fatal "this call is no longer offered" "look for a newer version of this program"
    9999 Reserved 400 Refused "a code that is reserved" "the cloud's own words say more, if anything does"
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.meaning() {
            Some(meaning) => write!(f, "{meaning} ({})", self.number()),
            None => write!(f, "error {}", self.number()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_code_is_there_and_comes_back() {
        let numbers: Vec<u16> = ErrorCode::ALL.iter().map(|code| code.number()).collect();
        let documented: Vec<u16> = (9001..=9045).chain([9999]).collect();
        assert_eq!(numbers, documented);
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::of(code.number()), *code);
            assert!(
                code.meaning().is_some() && !code.remedy().is_empty(),
                "{code}"
            );
        }
    }

    #[test]
    fn only_codes_that_speak_of_user_or_application_are_a_verdict_at_login() {
        use ErrorClass as C;
        let verdicts = [
            (9003, C::Fatal),
            (9005, C::LoginRefused),
            (9018, C::LoginRefused),
            (9019, C::LoginRefused),
            (9020, C::LoginRefused),
            (9022, C::LoginRefused),
            (9026, C::LoginRefused),
            (9038, C::LoginRefused),
            (9039, C::LoginRefused),
            (9041, C::Throttled),
            (9045, C::Fatal),
        ];
        for number in (9001..=9045).chain([9046, 9077, 9221, 9999]) {
            let verdict = verdicts.iter().find(|(known, _)| *known == number);
            let want = verdict.map_or(C::Transient, |(_, class)| *class);
            assert_eq!(ErrorCode::of(number).class_at_login(), want, "{number}");
        }
    }

    #[test]
    fn an_unknown_code_is_kept_with_its_number() {
        let code = ErrorCode::of(9221);
        assert_eq!(
            (code.number(), code.to_string().as_str()),
            (9221, "error 9221")
        );
        assert_eq!(code.cure(), Cure::Nothing);
    }
}
