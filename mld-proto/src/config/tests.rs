use super::*;

fn error(builder: ConfigBuilder) -> ConfigError {
    builder.build().unwrap_err()
}

#[test]
fn defaults_are_those_of_the_standard() {
    let config = Config::DEFAULT;
    assert_eq!(config.robustness_variable(), 2);
    assert_eq!(config.query_interval(), Duration::from_secs(125));
    assert_eq!(config.query_response_interval(), Duration::from_secs(10));
    assert_eq!(config.listening_interval(), Duration::from_secs(270));
    assert_eq!(config.startup_query_interval(), Duration::from_millis(31_250));
    assert_eq!(config.startup_query_count(), 2);
    assert_eq!(config.last_listener_query_interval(), Duration::from_secs(1));
    assert_eq!(config.last_listener_query_count(), 2);
    assert_eq!(config.last_listener_query_time(), Duration::from_secs(2));
}

// R-TIM-1
#[test]
fn robustness_zero_is_refused_and_eight_accepted() {
    assert_eq!(
        error(Config::builder().robustness_variable(0)),
        ConfigError::OutOfRange { key: "robustness-variable", allowed: "1 to 255" }
    );
    assert!(Config::builder().robustness_variable(8).build().is_ok());
}

// R-TIM-3
#[test]
fn response_interval_must_be_below_query_interval() {
    let ten = Duration::from_secs(10);
    assert_eq!(
        error(Config::builder().query_interval(ten).query_response_interval(ten)),
        ConfigError::ResponseNotBelowInterval
    );
}

// R-TIM-9
#[test]
fn counts_follow_robustness_unless_configured() {
    let config = Config::builder().robustness_variable(3).build().unwrap();
    assert_eq!((config.last_listener_query_count(), config.startup_query_count()), (3, 3));
    let config = config.to_builder().last_listener_query_count(1).startup_query_count(5).build().unwrap();
    assert_eq!((config.last_listener_query_count(), config.startup_query_count()), (1, 5));
}

// R-TIM-1, R-CMP-20
#[test]
fn doubtful_settings_are_warned_about() {
    let warnings = |builder: ConfigBuilder| {
        builder.build().unwrap().warnings().collect::<std::vec::Vec<ConfigWarning>>()
    };
    assert_eq!(warnings(Config::builder()), []);
    assert_eq!(warnings(Config::builder().robustness_variable(1)), [ConfigWarning::NoRobustness]);
    let slow = Config::builder().query_response_interval(Duration::from_millis(32_768));
    assert_eq!(warnings(slow), [ConfigWarning::MisreadResponseInterval]);
    assert_eq!(warnings(slow.version(Version::V1)), []);
}

//
#[test]
fn listening_interval_is_shorter_in_version_1_and_with_legacy_mali() {
    let v1 = Config::builder().version(Version::V1).build().unwrap();
    assert_eq!(v1.listening_interval(), Duration::from_secs(260));
    let legacy = Config::builder()
        .interpretations(Interpretations { legacy_mali: true, ..Interpretations::default() });
    assert_eq!(legacy.build().unwrap().listening_interval(), Duration::from_secs(260));
}

// R-CMP-4
#[test]
fn version_1_response_interval_ends_at_16_bits() {
    let long = Config::builder().query_response_interval(Duration::from_millis(65_536));
    assert!(long.build().is_ok());
    assert!(matches!(
        error(long.version(Version::V1)),
        ConfigError::OutOfRange { key: "query-max-response-time", .. }
    ));
}
