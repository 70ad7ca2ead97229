//! Every row of the record tables, with lists that overlap both sets of the old state.

use super::{ModelSettings, script};

/// INCLUDE(S1,S2) since 0, a record at 100.
fn include(querier: bool, record: &str, expected: &str) {
    let role = if querier { "" } else { "> 0 GENERAL\n 0 none\n" };
    let before = "> 0 IS_IN(S1,S2)\n 0 INCLUDE(S1,S2) S1@270 S2@270\n";
    script(ModelSettings::default(), &format!("{role}{before}> 100 {record}\n{expected}"));
}

/// EXCLUDE(X = S1,S2; Y = S3,S4) since 1, a record at 100.
fn exclude(querier: bool, record: &str, expected: &str) {
    let role = if querier { "" } else { "> 0 GENERAL\n 0 none\n" };
    let before = "> 0 IS_EX(S3,S4)\n 0 EXCLUDE(;S3,S4) FT@270\n \
                  > 1 ALLOW(S1,S2)\n 1 EXCLUDE(S1,S2;S3,S4) FT@270 S1@271 S2@271\n";
    let before = before.replace("> ", "\n> ");
    script(ModelSettings::default(), &format!("{role}{before}> 100 {record}\n{expected}"));
}

fn include_either(record: &str, expected: &str) {
    include(true, record, expected);
    include(false, record, expected);
}

fn exclude_either(record: &str, expected: &str) {
    exclude(true, record, expected);
    exclude(false, record, expected);
}

#[test]
fn include_is_in_adds_and_refreshes() {
    include_either("IS_IN(S2,S3)", "100 INCLUDE(S1,S2,S3) S1@270 S2@370 S3@370");
    include_either("IS_IN()", "100 INCLUDE(S1,S2) S1@270 S2@270");
}

#[test]
fn include_allow_adds_and_refreshes() {
    include_either("ALLOW(S2,S3)", "100 INCLUDE(S1,S2,S3) S1@270 S2@370 S3@370");
}

#[test]
fn include_is_ex_keeps_what_both_name_and_excludes_the_rest() {
    include_either("IS_EX(S2,S3)", "100 EXCLUDE(S2;S3) FT@370 S2@270");
    include_either("IS_EX()", "100 EXCLUDE(;) FT@370");
}

#[test]
fn include_to_ex_asks_for_what_both_name() {
    include(true, "TO_EX(S2,S3)", "100 EXCLUDE(S2;S3) FT@370 S2@102\n 100 Q(S2) S=0");
    include(false, "TO_EX(S2,S3)", "100 EXCLUDE(S2;S3) FT@370 S2@270");
    include_either("TO_EX()", "100 EXCLUDE(;) FT@370");
}

#[test]
fn include_block_asks_for_what_both_name_and_changes_nothing() {
    include(true, "BLOCK(S2,S3)", "100 INCLUDE(S1,S2) S1@270 S2@102\n 100 Q(S2) S=0");
    include(false, "BLOCK(S2,S3)", "100 INCLUDE(S1,S2) S1@270 S2@270");
    include_either("BLOCK(S3)", "100 INCLUDE(S1,S2) S1@270 S2@270");
}

#[test]
fn include_to_in_asks_for_what_it_does_not_name() {
    include(true, "TO_IN(S2,S3)", "100 INCLUDE(S1,S2,S3) S1@102 S2@370 S3@370\n 100 Q(S1) S=0");
    include(false, "TO_IN(S2,S3)", "100 INCLUDE(S1,S2,S3) S1@270 S2@370 S3@370");
    include(true, "TO_IN()", "100 INCLUDE(S1,S2) S1@102 S2@102\n 100 Q(S1,S2) S=0");
}

#[test]
fn exclude_is_in_requests_what_it_names() {
    exclude_either("IS_IN(S2,S4,S5)", "100 EXCLUDE(S1,S2,S4,S5;S3) FT@270 S1@271 S2@370 S4@370 S5@370");
}

#[test]
fn exclude_allow_requests_what_it_names() {
    exclude_either("ALLOW(S2,S4,S5)", "100 EXCLUDE(S1,S2,S4,S5;S3) FT@270 S1@271 S2@370 S4@370 S5@370");
}

#[test]
fn exclude_is_ex_keeps_only_what_it_names() {
    exclude_either("IS_EX(S2,S4,S5)", "100 EXCLUDE(S2,S5;S4) FT@370 S2@271 S5@370");
    exclude_either("IS_EX()", "100 EXCLUDE(;) FT@370");
}

#[test]
fn exclude_to_ex_asks_for_what_was_not_excluded() {
    exclude(true, "TO_EX(S2,S4,S5)", "100 EXCLUDE(S2,S5;S4) FT@370 S2@102 S5@102\n 100 Q(S2,S5) S=0");
    exclude(false, "TO_EX(S2,S4,S5)", "100 EXCLUDE(S2,S5;S4) FT@370 S2@271 S5@270");
}

#[test]
fn exclude_block_asks_for_what_was_not_excluded() {
    exclude(
        true,
        "BLOCK(S2,S4,S5)",
        "100 EXCLUDE(S1,S2,S5;S3,S4) FT@270 S1@271 S2@102 S5@102\n 100 Q(S2,S5) S=0",
    );
    exclude(false, "BLOCK(S2,S4,S5)", "100 EXCLUDE(S1,S2,S5;S3,S4) FT@270 S1@271 S2@271 S5@270");
    exclude_either("BLOCK(S3)", "100 EXCLUDE(S1,S2;S3,S4) FT@270 S1@271 S2@271");
}

#[test]
fn exclude_to_in_asks_for_the_group_and_what_it_does_not_name() {
    exclude(
        true,
        "TO_IN(S2,S4,S5)",
        "100 EXCLUDE(S1,S2,S4,S5;S3) FT@102 S1@102 S2@370 S4@370 S5@370\n 100 Q() S=0\n 100 Q(S1) S=0",
    );
    exclude(false, "TO_IN(S2,S4,S5)", "100 EXCLUDE(S1,S2,S4,S5;S3) FT@270 S1@271 S2@370 S4@370 S5@370");
}

#[test]
fn nothing_comes_of_a_record_that_wants_nothing() {
    for record in ["IS_IN()", "ALLOW()", "TO_IN()", "BLOCK(S1)", "BLOCK()"] {
        script(ModelSettings::default(), &format!("> 0 {record}\n 0 none"));
    }
}

#[test]
fn deleting_a_source_drops_its_pending_queries() {
    script(
        ModelSettings::default(),
        "> 0 IS_IN(S1,S2)
         0 INCLUDE(S1,S2) S1@270 S2@270
         > 10 BLOCK(S1,S2)
         10 INCLUDE(S1,S2) S1@12 S2@12
         10 Q(S1,S2) S=0
         > 10.5 IS_EX(S2)
         10.5 EXCLUDE(S2;) FT@280.5 S2@12
         11 Q(S2) S=0
         12 EXCLUDE(;S2) FT@280.5",
    );
}
