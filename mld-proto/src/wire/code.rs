//! Codes that carry more than their bits: a linear range, then a mantissa with an exponent.

/// Milliseconds of a Maximum Response Code (R-WIRE-40, RFC 9777 section 5.1.3).
pub const fn decode_response_code(code: u16) -> u32 {
    if code < 0x8000 { code as u32 } else { (((code & 0x0fff) | 0x1000) as u32) << (((code >> 12) & 7) + 3) }
}

/// The Maximum Response Code for `millis`, or for the next lower value that has one (R-WIRE-41).
pub const fn encode_response_code(millis: u64) -> u16 {
    if millis < 0x8000 {
        return millis as u16;
    }
    if millis >= 8_387_584 {
        return 0xffff;
    }
    let exponent = (64 - millis.leading_zeros()) as u16 - 16;
    0x8000 | exponent << 12 | ((millis >> (exponent + 3)) & 0x0fff) as u16
}

/// Seconds of a Querier's Query Interval Code (R-WIRE-42, RFC 9777 section 5.1.9).
pub const fn decode_interval_code(code: u8) -> u32 {
    if code < 0x80 { code as u32 } else { (((code & 0x0f) | 0x10) as u32) << (((code >> 4) & 7) + 3) }
}

/// The Querier's Query Interval Code for `seconds`, or for the next lower value that has one (R-WIRE-43).
pub const fn encode_interval_code(seconds: u64) -> u8 {
    if seconds < 0x80 {
        return seconds as u8;
    }
    if seconds >= 31_744 {
        return 0xff;
    }
    let exponent = (64 - seconds.leading_zeros()) as u8 - 8;
    0x80 | exponent << 4 | ((seconds >> (exponent + 3)) & 0x0f) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    // R-WIRE-40, R-WIRE-41
    #[test]
    fn response_codes_round_trip_and_round_down() {
        for code in 0..=u16::MAX {
            assert_eq!(encode_response_code(u64::from(decode_response_code(code))), code);
        }
        let mut lower = 0;
        for millis in 0..9_000_000 {
            let code = encode_response_code(millis);
            assert!(code >= lower && u64::from(decode_response_code(code)) <= millis);
            assert!(code == 0xffff || u64::from(decode_response_code(code + 1)) > millis);
            lower = code;
        }
    }

    // R-WIRE-42, R-WIRE-43
    #[test]
    fn interval_codes_round_trip_and_round_down() {
        for code in 0..=u8::MAX {
            assert_eq!(encode_interval_code(u64::from(decode_interval_code(code))), code);
        }
        for seconds in 0..40_000 {
            let code = encode_interval_code(seconds);
            assert!(u64::from(decode_interval_code(code)) <= seconds);
            assert!(code == 0xff || u64::from(decode_interval_code(code + 1)) > seconds);
        }
    }
}
