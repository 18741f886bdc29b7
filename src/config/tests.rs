//! The shipped file equals the code, what is unknown is refused, and secrets do not leak.

use std::path::PathBuf;
use std::time::Duration;

use toml::Table;

use super::*;

const SHIPPED: &str = include_str!("../../config.toml");

#[test]
fn the_shipped_file_is_what_the_code_says() {
    let generated = Config::default().to_toml();

    assert!(generated == SHIPPED, "config.toml differs; write this into it:\n{generated}");
}

#[test]
fn the_shipped_file_gives_the_defaults() {
    assert_eq!(from_text(SHIPPED).unwrap(), Config::default());
    assert_eq!(from_text("").unwrap(), Config::default());
}

#[test]
fn every_key_has_a_comment_and_every_secret_a_file() {
    let values = Table::try_from(Config::default()).unwrap();

    for (path, about, fields) in SECTIONS {
        assert!(!about.is_empty(), "[{path}] has no comment");
        assert_eq!(render::section(&values, path).len(), fields.len(), "[{path}]");
        for field in *fields {
            let is_section = render::section(&values, path)[field.key].is_table();
            assert!(is_section != (field.comment.last().is_some()), "{path}.{}", field.key);
            let file = format!("{}_file", field.key);
            let has_file = fields.iter().any(|other| other.key == file);
            assert!(!field.is_secret() || has_file, "{path}.{} has no file", field.key);
        }
    }
}

#[test]
fn every_section_is_in_the_list() {
    let values = Table::try_from(Config::default()).unwrap();
    let tables = |table: &Table| table.values().filter(|value| value.is_table()).count();
    let payments = values["payments"].as_table().unwrap();

    assert_eq!(SECTIONS.len(), 1 + tables(&values) + tables(payments));
}

#[test]
fn the_contract_of_scripts_holds() {
    let config = Config::default();

    assert_eq!(config.http.bind.to_string(), "127.0.0.1");
    assert_eq!(config.mqtt.bind.to_string(), "127.0.0.1");
    assert_eq!((config.http.port, config.mqtt.port), (8080, 1883));
    assert_eq!(config.environment, Environment::Development);
    let embedded = [&config.database.url, &config.mqtt.url, &config.ephemera.redis_url];
    assert!(embedded.iter().all(|url| !url.is_set()));
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_defaults() {
    let file = "data_dir = \"/a\"\n[http]\nport = 1\n[mqtt]\nport = 2\n";
    let variables = [
        ("CHARGEGHAR__HTTP__PORT", "3"),
        ("CHARGEGHAR__DATA_DIR", "/b"),
        ("CHARGEGHAR__MQTT__ADVERTISED_TLS", "true"),
        ("CHARGEGHAR__PAYMENTS__STRIPE__BASE_URL", "http://127.0.0.1:9"),
        ("CHARGEGHAR__HTTP__CORS_ORIGINS", "https://a.example, https://b.example"),
        ("CHARGEGHAR__DATABASE__URL", "postgres://me:secret@db/x"),
        ("PATH", "/bin"),
    ];

    let config = from(Some(file), &variables).unwrap();

    assert_eq!((config.http.port, config.mqtt.port), (3, 2));
    assert_eq!(config.data_dir, PathBuf::from("/b"));
    assert!(config.mqtt.advertised_tls);
    assert_eq!(config.payments.stripe.base_url, "http://127.0.0.1:9");
    assert_eq!(config.http.cors_origins, ["https://a.example", "https://b.example"]);
    assert_eq!(config.database.url.expose(), "postgres://me:secret@db/x");
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one() {
    let key = refusal(Some("[http]\nprot = 1\n"), &[]);
    assert!(key.contains("http.prot") && key.contains("did you mean http.port?"), "{key}");

    let section = refusal(Some("[htp]\nport = 1\n"), &[]);
    assert!(section.contains("no setting htp; did you mean http?"), "{section}");

    let variable = refusal(None, &[("CHARGEGHAR__HTTP__PROT", "1")]);
    assert!(variable.contains("did you mean CHARGEGHAR__HTTP__PORT?"), "{variable}");

    let nested = refusal(None, &[("CHARGEGHAR__PAYMENTS__KHALTI_SECRET_KEY", "1")]);
    assert!(nested.contains("CHARGEGHAR__PAYMENTS__KHALTI__SECRET_KEY?"), "{nested}");

    let lower = refusal(None, &[("CHARGEGHAR__http__port", "1")]);
    assert!(lower.contains("did you mean CHARGEGHAR__HTTP__PORT?"), "{lower}");
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_its_place() {
    let line = refusal(Some("[http]\nport = \"x\"\n"), &[]);
    assert!(line.contains("line 2") && line.contains("test.toml"), "{line}");

    let number = refusal(None, &[("CHARGEGHAR__HTTP__PORT", "many")]);
    assert!(number.contains("CHARGEGHAR__HTTP__PORT") && number.contains("whole"), "{number}");

    let large = refusal(None, &[("CHARGEGHAR__HTTP__PORT", "70000")]);
    assert!(large.contains("CHARGEGHAR__HTTP__PORT is not valid"), "{large}");

    let flag = refusal(None, &[("CHARGEGHAR__MQTT__ADVERTISED_TLS", "yes")]);
    assert!(flag.contains("neither true nor false"), "{flag}");

    let word = refusal(None, &[("CHARGEGHAR__SMS__PROVIDER", "pigeon")]);
    assert!(word.contains("CHARGEGHAR__SMS__PROVIDER") && word.contains("sparrow"), "{word}");
}

#[test]
fn a_secret_in_the_file_is_refused_and_told_where_it_belongs() {
    let token = refusal(Some("[sms]\nsparrow_token = \"abc-token\"\n"), &[]);
    assert!(token.contains("CHARGEGHAR__SMS__SPARROW_TOKEN"), "{token}");
    assert!(token.contains("sms.sparrow_token_file") && !token.contains("abc-token"), "{token}");

    let url = refusal(Some("[database]\nurl = \"postgres://me:hidden@db/x\"\n"), &[]);
    assert!(url.contains("CHARGEGHAR__DATABASE__URL") && !url.contains("hidden"), "{url}");
}

#[test]
fn a_secret_is_read_from_the_environment_or_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "from-file\n").unwrap();
    let file = format!("[sms]\nsparrow_token_file = {path:?}\n");
    let variable = ("CHARGEGHAR__SMS__SPARROW_TOKEN", "from-environment");

    let read = from(Some(&file), &[]).unwrap();
    let given = from(None, &[variable]).unwrap();
    let twice = refusal(Some(&file), &[variable]);
    let missing = refusal(Some("[sms]\nsparrow_token_file = \"/nowhere\"\n"), &[]);

    assert_eq!(read.sms.sparrow_token.expose(), "from-file");
    assert_eq!(given.sms.sparrow_token.expose(), "from-environment");
    assert!(twice.contains("sms.sparrow_token is given twice"), "{twice}");
    assert!(missing.contains("sms.sparrow_token_file: /nowhere cannot be read"), "{missing}");
}

#[test]
fn nothing_printed_shows_a_secret() {
    let variables = [
        ("CHARGEGHAR__SMS__SPARROW_TOKEN", "hidden-1"),
        ("CHARGEGHAR__DATABASE__URL", "postgres://me:hidden-2@db:5432/x?sslmode=require"),
        ("CHARGEGHAR__EPHEMERA__REDIS_URL", "redis://:hidden-3@cache/0"),
    ];
    let config = from(None, &variables).unwrap();

    let printed = format!("{config:?}{}{}", config.to_toml(), Table::try_from(&config).unwrap());

    assert!(!printed.contains("hidden"), "{printed}");
    let shown = config.database.url.to_string();
    assert_eq!(shown, "postgres://me:***@db:5432/x?sslmode=require");
    assert_eq!(config.ephemera.redis_url.to_string(), "redis://:***@cache/0");
    assert_eq!(Endpoint::new("mqtt://user@host:1").to_string(), "mqtt://user@host:1");
}

#[test]
fn values_that_cannot_work_are_refused_all_at_once() {
    let file =
        "[node]\nlease_renewal_ms = 2500\n[http]\npage_size = 0\n[mqtt]\nurl = \"http://x\"\n";

    let refused = refusal(Some(file), &[]);

    for key in ["node.lease_renewal_ms:", "http.page_size:", "mqtt.url:"] {
        assert!(refused.contains(key), "{refused}");
    }
}

#[test]
fn points_for_money_that_can_be_taken_out_again_for_less_are_refused() {
    let with = |points: u32, more: &str| {
        format!("[ledger]\ntopup_points_per_100_npr = {points}\n[withdrawals]\n{more}\n")
    };

    // 20 points are worth 2 of 100, which is the fee
    assert!(from(Some(&with(20, "")), &[]).is_ok());
    assert!(from(Some(&with(21, "enabled = false")), &[]).is_ok());
    let refused = refusal(Some(&with(21, "")), &[]);
    assert!(refused.contains("withdrawals.fee_percent:"), "{refused}");
}

#[test]
fn production_refuses_what_is_for_trying_out() {
    let refused = refusal(None, &[("CHARGEGHAR__ENVIRONMENT", "production")]);

    let refusals = [
        "http.public_url:",
        "mqtt.advertised_host:",
        "payments.sandbox:",
        "sms.provider:",
        "email.provider:",
    ];
    for key in refusals {
        assert!(refused.contains(key), "{key} in {refused}");
    }
}

#[test]
fn a_gateway_takes_some_amount_or_is_refused() {
    let refused = |text: &str| refusal(Some(text), &[]);

    for text in [
        "[payments.khalti]\nmin_npr = 0",
        "[payments.khalti]\nmin_npr = 200\nmax_npr = 199",
        "[payments]\ntopup_max_npr = 50\n[payments.khalti]\nmin_npr = 51",
        "[payments]\ntopup_min_npr = 50\n[payments.khalti]\nmax_npr = 49",
    ] {
        assert!(refused(text).contains("payments.khalti.min_npr:"), "{text}");
    }
    assert!(refused("[payments.esewa]\nmin_npr = 0").contains("payments.esewa.min_npr:"));
    assert!(refused("[payments.stripe]\nmin_npr = 0").contains("payments.stripe.min_npr:"));
}

#[test]
fn production_refuses_the_money_of_tests() {
    let table = [
        ("ESEWA__SECRET_KEY", "8gBm/:&EnhH.1/q", "esewa.secret_key:"),
        ("ESEWA__PRODUCT_CODE", "EPAYTEST", "esewa.secret_key:"),
        ("ESEWA__STATUS_URL", "https://rc.esewa.com.np", "esewa.status_url:"),
        ("ESEWA__STATUS_URL", "http://epay.esewa.com.np", "esewa.status_url:"),
        ("ESEWA__FORM_URL", "https://rc-epay.esewa.com.np", "esewa.form_url:"),
        ("KHALTI__BASE_URL", "https://dev.khalti.com/api/v2/", "khalti.base_url:"),
        ("KHALTI__BASE_URL", "https://khalti.com.example.com/", "khalti.base_url:"),
        ("STRIPE__SECRET_KEY", "sk_test_1", "stripe.secret_key:"),
        ("STRIPE__BASE_URL", "http://127.0.0.1:9", "stripe.base_url:"),
    ];
    let keys = [
        ("CHARGEGHAR__PAYMENTS__KHALTI__SECRET_KEY", "key"),
        ("CHARGEGHAR__PAYMENTS__ESEWA__SECRET_KEY", "key"),
        ("CHARGEGHAR__PAYMENTS__ESEWA__PRODUCT_CODE", "OURS"),
        ("CHARGEGHAR__PAYMENTS__STRIPE__SECRET_KEY", "sk_live_1"),
        ("CHARGEGHAR__PAYMENTS__STRIPE__WEBHOOK_SECRET", "whsec_1"),
    ];
    assert!(from(Some(PRODUCTION), &keys).is_ok());
    for (name, value, problem) in table {
        let name = format!("CHARGEGHAR__PAYMENTS__{name}");
        let others = keys.iter().filter(|(key, _)| *key != name).copied();
        let variables: Vec<_> = others.chain([(name.as_str(), value)]).collect();
        let refused = refusal(Some(PRODUCTION), &variables);
        assert!(refused.contains(&format!("payments.{problem}")), "{name}: {refused}");
    }
}

#[test]
fn a_gateway_whose_callbacks_nobody_signs_is_refused() {
    let refused = refusal(None, &[("CHARGEGHAR__PAYMENTS__STRIPE__SECRET_KEY", "sk_live_1")]);
    assert!(refused.contains("payments.stripe.webhook_secret:"), "{refused}");

    let refused = refusal(None, &[("CHARGEGHAR__PAYMENTS__ESEWA__SECRET_KEY", "key")]);
    assert!(refused.contains("payments.esewa.product_code:"), "{refused}");
}

#[test]
fn a_provider_without_a_client_is_refused() {
    for (name, value, problem) in [
        ("PUSH__PROVIDER", "fcm", "push.provider: \"fcm\" cannot be used"),
        ("OBJECTS__PROVIDER", "s3", "objects.provider: "),
        ("OBJECTS__PROVIDER", "cloudinary", "objects.provider: "),
    ] {
        let refused = refusal(None, &[(&*format!("CHARGEGHAR__{name}"), value)]);
        assert!(refused.contains(problem), "{name}: {refused}");
    }
}

#[test]
fn a_carrier_is_refused_until_it_can_work() {
    let token = ("CHARGEGHAR__SMS__SPARROW_TOKEN", "token");
    let sms = "[sms]\nprovider = \"sparrow\"\nsparrow_from = \"OURS\"\n";
    let email = "[email]\nprovider = \"smtp\"\nfrom = \"a@example.com\"\nsmtp_host = \"mail\"\n";
    assert!(from(Some(sms), &[token]).is_ok());
    assert!(from(Some(email), &[]).is_ok());
    for (file, line, problem) in [
        (sms, "", "sms.sparrow_token:"),
        (sms, "sparrow_url = \"http://api.sparrowsms.com/v2/\"", "sms.sparrow_url:"),
        (sms, "request_timeout_s = 15", "sms.request_timeout_s:"),
        (email, "smtp_tls = \"off\"", "email.smtp_tls: only a server on this machine"),
        (email, "smtp_port = 465", "email.smtp_tls: port 465"),
        (email, "smtp_username = \"me\"", "email.smtp_password:"),
        (email, "request_timeout_s = 30", "email.request_timeout_s:"),
    ] {
        let token = if line.is_empty() { &[][..] } else { &[token] };
        let refused = refusal(Some(&format!("{file}{line}\n")), token);
        assert!(refused.contains(problem), "{line}: {refused}");
    }
}

#[test]
fn production_quarantines_unknown_banks_unless_told_otherwise() {
    let production = from(Some(PRODUCTION), &[]).unwrap();
    let adopting = from(Some(PRODUCTION), &[("CHARGEGHAR__BANKS__UNKNOWN", "adopt")]).unwrap();

    assert!(!production.adopts_unknown_banks());
    assert!(adopting.adopts_unknown_banks());
    assert!(Config::default().adopts_unknown_banks());
}

#[test]
fn durations_carry_their_unit() {
    let config = Config::default();

    assert_eq!(config.stations.eject_gap_ms.duration(), Duration::from_secs(5));
    assert_eq!(config.stations.verify_bound_s.duration(), Duration::from_mins(25));
    assert_eq!(config.rentals.idempotency_days.duration(), Duration::from_hours(168));
    assert_eq!(config.auth.otp_ttl_s.delta(), chrono::TimeDelta::minutes(5));
}

const PRODUCTION: &str = r#"
    environment = "production"
    [http]
    public_url = "https://api.example.com"
    [mqtt]
    advertised_host = "mqtt.example.com"
    [payments]
    sandbox = false
    [sms]
    provider = "off"
    [email]
    provider = "off"
"#;

fn from_text(text: &str) -> Result<Config, Error> {
    from(Some(text), &[])
}

fn from(text: Option<&str>, variables: &[(&str, &str)]) -> Result<Config, Error> {
    let file = text.map(|text| (PathBuf::from("test.toml"), text.to_owned()));
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Sources { file, variables: variables.iter().map(owned).collect() }.load()
}

fn refusal(text: Option<&str>, variables: &[(&str, &str)]) -> String {
    from(text, variables).unwrap_err().to_string()
}
