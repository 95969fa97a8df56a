// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one error type and its numbers.
//!
//! The numbers are the C ABI's status values. They are append-only: a number is never reused and never
//! changes its meaning. The hundreds are families:
//!
//! | range | family | decided by |
//! |---|---|---|
//! | −1xx | arguments | public arguments of the call |
//! | −2xx | state and policy | handles, attributes, counters, limits |
//! | −3xx | format | public fields of a message, one code per field |
//! | −4xx | verification | secret data: one code for everything |
//! | −5xx | environment | entropy, storage |
//! | −9xx | internal | a defect of the library |

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// Why an operation was refused.
        ///
        /// Everything that depends on secret data (MAC, cryptogram, key-block authenticator, PIN block, KCV)
        /// is the single [`Error::VerificationFailed`], decided after all the work is done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        #[repr(i32)]
        pub enum Error {
            $($(#[$doc])* $name = $number,)*
        }

        impl Error {
            /// Every error, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The status number of the C ABI; negative, frozen.
            #[must_use]
            pub const fn code(self) -> i32 {
                match self {
                    $(Self::$name => $number,)*
                }
            }

            /// A fixed English sentence; never built at run time.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The variant's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

errors! {
    // Arguments.
    /// An argument is outside its domain.
    InvalidArgument = -100, "an argument is outside its domain";
    /// A length is not the one the operation takes.
    InvalidLength = -101, "a length is not the one the operation takes";
    /// The output buffer is too short.
    BufferTooSmall = -102, "the output buffer is too short";
    /// A character that is not a decimal digit.
    InvalidDigit = -103, "a character is not a decimal digit";
    /// A PAN that is malformed, or too short or too long for the operation.
    InvalidPan = -104, "the PAN is malformed or has the wrong number of digits";
    /// A PIN that is malformed; its length is not reported.
    InvalidPin = -105, "the PIN is malformed";
    /// A key length the algorithm or the operation does not take.
    InvalidKeyLength = -106, "the key length does not fit the operation";
    /// A KSN of the wrong length or layout.
    InvalidKsn = -107, "the KSN is malformed";
    /// A null pointer with a length that is not zero.
    NullPointer = -108, "a pointer is null";
    /// Buffers that overlap in part.
    Overlap = -109, "buffers overlap";
    /// An algorithm or profile that this build does not have.
    Unsupported = -110, "not supported by this build";
    /// Header and library do not belong together.
    AbiMismatch = -111, "header and library versions differ";
    /// A pointer that is not aligned as its type demands.
    Misaligned = -112, "a pointer is misaligned";

    // State and policy.
    /// A handle that names no live object.
    InvalidHandle = -200, "the handle names no live object";
    /// The slot holds no key.
    NoKey = -201, "the slot holds no key";
    /// The call does not fit the life-cycle state or the call order.
    BadState = -202, "the call does not fit the state";
    /// The key's usage does not allow the operation.
    UsageNotPermitted = -203, "the key's usage does not allow the operation";
    /// The key's mode of use does not allow the operation.
    ModeNotPermitted = -204, "the key's mode of use does not allow the operation";
    /// The key's algorithm does not fit the operation.
    AlgorithmMismatch = -205, "the key's algorithm does not fit the operation";
    /// The key's exportability does not allow it to leave.
    ExportNotPermitted = -206, "the key may not be exported";
    /// The key has equal halves, is weak, or is all zero.
    WeakKey = -207, "the key is weak";
    /// The protecting key is weaker than the key it would protect, or a derived key stronger than its parent.
    KeyStrength = -208, "a key would be protected by or derived from a weaker one";
    /// No free slot.
    SlotsFull = -209, "no free slot";
    /// Too many operations in the time; wait.
    RateLimited = -210, "rate limit";
    /// PANs that must be equal differ.
    PanMismatch = -211, "the PANs differ";
    /// A PIN block format, or a change of format, that policy refuses.
    FormatNotPermitted = -212, "the PIN block format or translation is not permitted";
    /// A try, operation or data limit is reached.
    LimitReached = -213, "a limit is reached";
    /// A decision hook refused, failed or is absent.
    Refused = -214, "the decision hook refused";
    /// DUKPT counter 0 names the initial key, never a transaction.
    CounterZero = -220, "the transaction counter is zero";
    /// DUKPT counter with more one bits than the scheme allows.
    CounterOverweight = -221, "the transaction counter has too many one bits";
    /// DUKPT counter not above the last one accepted.
    CounterReplayed = -222, "the transaction counter was used before";
    /// DUKPT counter exhausted: the initial key is at the end of its life.
    CounterExhausted = -223, "the initial key is exhausted";
    /// DUKPT counter that the scheme reserves.
    CounterReserved = -224, "the transaction counter is reserved";
    /// A DUKPT register that must hold a key is empty.
    RegisterInvalid = -225, "a DUKPT register is empty";
    /// Locked; an officer must act.
    Locked = -230, "locked";
    /// Tampered; only a new start helps.
    Tampered = -231, "tampered";
    /// A self-test failed; no output until it passes.
    SelfTestFailed = -232, "a self-test failed";
    /// The role is not logged in.
    NotAuthenticated = -233, "the role is not authenticated";
    /// The key is outside its validity.
    Expired = -234, "the key is outside its validity";

    // Format.
    /// A character that is no hexadecimal digit, or an odd count of them.
    Hex = -300, "malformed hexadecimal";
    /// Malformed binary-coded decimal.
    Bcd = -301, "malformed binary-coded decimal";
    /// TLV: malformed tag.
    TlvTag = -310, "TLV: malformed tag";
    /// TLV: malformed or unsupported length.
    TlvLength = -311, "TLV: malformed length";
    /// TLV: value crosses the end of the data or of its parent.
    TlvValue = -312, "TLV: value crosses its container";
    /// TLV: indefinite length.
    TlvIndefinite = -313, "TLV: indefinite length";
    /// TLV: nested too deep.
    TlvDepth = -314, "TLV: nested too deep";
    /// TLV: an element stands twice.
    TlvDuplicate = -315, "TLV: duplicate element";
    /// TLV: a needed element is missing.
    TlvMissing = -316, "TLV: missing element";
    /// Malformed DOL.
    Dol = -317, "malformed DOL";
    /// An EMV data element has the wrong length or content.
    EmvElement = -318, "malformed EMV data element";
    /// Issuer application data of a shape the profile does not have.
    Iad = -319, "issuer application data does not fit the profile";
    /// Key block: length field or total length.
    KeyBlockLength = -330, "key block: length";
    /// Key block: version.
    KeyBlockVersion = -331, "key block: version";
    /// Key block: key usage.
    KeyBlockUsage = -332, "key block: usage";
    /// Key block: algorithm.
    KeyBlockAlgorithm = -333, "key block: algorithm";
    /// Key block: mode of use.
    KeyBlockMode = -334, "key block: mode of use";
    /// Key block: key version number.
    KeyBlockKeyVersion = -335, "key block: key version";
    /// Key block: exportability.
    KeyBlockExportability = -336, "key block: exportability";
    /// Key block: number of optional blocks.
    KeyBlockOptionalCount = -337, "key block: number of optional blocks";
    /// Key block: an optional block.
    KeyBlockOptional = -338, "key block: optional block";
    /// Key block: key context or reserved characters.
    KeyBlockReserved = -339, "key block: reserved field";
    /// Key block: characters outside the allowed set.
    KeyBlockEncoding = -340, "key block: encoding";
    /// Key block: payload length.
    KeyBlockPayload = -341, "key block: payload length";
    /// Not a point of the curve, or a form that is refused.
    EcPoint = -350, "not a valid curve point";
    /// A scalar outside its range.
    EcScalar = -351, "not a valid scalar";
    /// Malformed signature encoding.
    Signature = -352, "malformed signature";
    /// Malformed key component or component state.
    Component = -353, "malformed key component";
    /// Malformed certificate or recovered data.
    Certificate = -360, "malformed certificate";
    /// Malformed track data.
    Track = -370, "malformed track data";
    /// Malformed stored record.
    Record = -390, "malformed record";

    // Verification.
    /// MAC, cryptogram, key-block authenticator, PIN block, PIN, KCV or signature did not verify.
    VerificationFailed = -400, "verification failed";

    // Environment.
    /// The entropy source failed.
    Entropy = -500, "the entropy source failed";
    /// The storage failed.
    Storage = -501, "the storage failed";
    /// Stored data does not authenticate.
    StorageIntegrity = -502, "stored data is damaged";

    // Internal.
    /// A defect of the library: report it.
    Internal = -900, "internal error";
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.message())
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn numbers_are_unique_and_in_range() {
        for (i, a) in Error::ALL.iter().enumerate() {
            assert!(matches!(a.code(), -599..=-100 | -999..=-900));
            for b in &Error::ALL[i + 1..] {
                assert_ne!(a.code(), b.code(), "{a:?} {b:?}");
            }
        }
    }
}
