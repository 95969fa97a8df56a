// SPDX-License-Identifier: MIT OR Apache-2.0
use core::fmt;

use super::{Difference, Explanation, Finding, MadeWith};
use crate::emv::derive::MasterKeyOption;
use crate::emv::element::{CryptogramKind, tag};
use crate::emv::profile::{IadPart, Padding, SessionKeyMethod};
use crate::key::usage::KeyAlgorithm;

/// Bytes in upper-case hexadecimal.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

const fn option(option: MasterKeyOption) -> &'static str {
    match option {
        MasterKeyOption::A => "option A",
        MasterKeyOption::B => "option B",
        MasterKeyOption::Pboc => "option A, parity as it falls",
        MasterKeyOption::C => "option C",
    }
}

const fn session_key(method: SessionKeyMethod) -> &'static str {
    match method {
        SessionKeyMethod::Direct => "none, the card's master key",
        SessionKeyMethod::Common => "common, from the ATC",
        SessionKeyMethod::MChip => "M/Chip, from ATC and unpredictable number",
        SessionKeyMethod::UnionPay => "UnionPay, from the ATC",
        #[cfg(feature = "legacy")]
        SessionKeyMethod::Emv2000(_) => "the tree of EMV 2000",
    }
}

const fn padding(padding: Padding) -> &'static str {
    match padding {
        Padding::Method1 => "method 1, zeros",
        Padding::Method2 => "method 2, 80 and zeros",
    }
}

const fn part(part: Option<IadPart>) -> &'static str {
    match part {
        None => "nothing of 9F10",
        Some(IadPart::Whole) => "the whole of 9F10",
        Some(IadPart::Cvr) => "the CVR of 9F10",
        Some(IadPart::CvrAndCounters) => "CVR and counters of 9F10",
    }
}

/// Some lines of text: profile, card, elements with their values, padding, finding. The PAN is masked.
impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (profile, recipe) = (self.profile, self.profile.recipe());
        let aes = profile.algorithm() == KeyAlgorithm::Aes;
        writeln!(f, "profile: {}", profile.name())?;
        writeln!(f, "card: {}, sequence number {:02}", self.pan, self.psn.value())?;
        writeln!(f, "card's master key: {}", option(recipe.master_key))?;
        writeln!(f, "session key: {}", session_key(recipe.session_key))?;
        writeln!(f, "input, in this order:")?;
        for (tag, name, value) in self.elements() {
            let note = if tag == tag::AMOUNT_OTHER && !self.amount_other {
                " (not in the message: zeros)"
            } else {
                ""
            };
            // The longest of these tags has two bytes.
            let room = 5_usize.saturating_sub(tag.len().saturating_mul(2));
            writeln!(f, "  {tag}{:room$}{name:<34} {}{note}", "", Hex(value))?;
        }
        self.write_iad(f)?;
        if aes {
            writeln!(f, "padding: that of CMAC")?;
        } else {
            writeln!(f, "padding: {}", padding(recipe.padding))?;
        }
        let kind = match self.cid.kind() {
            CryptogramKind::Aac => "AAC",
            CryptogramKind::Arqc => "ARQC",
            CryptogramKind::Tc => "TC",
        };
        write!(f, "{kind} {}: ", Hex(&self.cryptogram))?;
        match self.finding {
            Finding::Matches => writeln!(f, "matches"),
            Finding::Nothing => {
                writeln!(f, "does not match, nor does any other way that is known here")?;
                writeln!(
                    f,
                    "look at: the issuer key (check value), PAN and sequence number, elements changed on the way"
                )
            }
            Finding::MadeWith(made) => self.write_made(&made, f),
        }
    }
}

impl Explanation<'_> {
    fn write_iad(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  9F10 {:<34} {}", "Issuer application data", Hex(self.iad))?;
        match self.parsed {
            Ok(iad) => {
                write!(f, "       DKI {:02X}, CVN {:02X}", iad.dki, iad.cvn)?;
                if !iad.cvr.is_empty() {
                    write!(f, ", CVR {}", Hex(iad.cvr))?;
                }
                if !iad.counters.is_empty() {
                    write!(f, ", counters {}", Hex(iad.counters))?;
                }
                let [first, second] = self.profile.iad_part().of(&iad);
                let enters = part(Some(self.profile.iad_part()));
                writeln!(f, "; enters: {enters}, {}{}", Hex(first), Hex(second))
            }
            Err(_) => {
                writeln!(f, "       not of this profile (CVN {:02X})", self.profile.cvn())?;
                match self.version_in_iad() {
                    Some(other) => writeln!(f, "       they are those of {}", other.name()),
                    None => Ok(()),
                }
            }
        }
    }

    fn write_made(&self, made: &MadeWith, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "does not match; it was made with")?;
        for difference in self.differences() {
            match difference {
                Difference::MasterKey => writeln!(f, "  card's master key: {}", option(made.master_key))?,
                Difference::Psn => writeln!(f, "  sequence number: {:02}", made.psn.value())?,
                Difference::SessionKey => writeln!(f, "  session key: {}", session_key(made.session_key))?,
                Difference::Padding => writeln!(f, "  padding: {}", padding(made.padding))?,
                Difference::IadPart => writeln!(f, "  {}", part(made.iad_part))?,
            }
        }
        if self.differences().next().is_none() {
            writeln!(
                f,
                "  all as the profile has it, but issuer application data of another version"
            )?;
        }
        match made.profile {
            Some(other) if other != self.profile => writeln!(f, "that is: {}", other.name()),
            _ => writeln!(f, "that is no profile of the table"),
        }
    }
}
