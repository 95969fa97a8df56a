// SPDX-License-Identifier: MIT OR Apache-2.0
//! What must fail.

use core::cell::RefCell;

use payhsm::error::Error;
use payhsm::pin::Pan;

use crate::office::Product;
use crate::report::Report;
use crate::secrets;
use crate::steps::{play, present};
use crate::terminal::{Interface, Kind, Outcome, Terminal};
use crate::world::{Attack, World};

fn refused(world: &RefCell<World>) -> Option<Error> {
    world.borrow().host.refused
}

/// 6. Between terminal and host.
pub fn on_the_line(terminal: &Terminal, world: &RefCell<World>, report: &mut Report) {
    report.step("6. Must fail: on the line");
    present(world, Product::Visa);
    let before = world.borrow().visa_balance();

    world.borrow_mut().attack = Attack::RequestAmount;
    let receipt = play(terminal, world, report, Kind::Sale, Interface::Contact, 1_00);
    report.expect("a changed amount gets no answer", receipt.outcome(), Outcome::NoAnswer);
    report.expect("... and a reversal", receipt.reversed, 1);

    let receipt = play(terminal, world, report, Kind::Sale, Interface::Contact, 2_00);
    report.expect("an honest sale", receipt.outcome(), Outcome::Approved);
    let recorded = world.borrow().recorded.clone().unwrap_or_default();
    let answer = world.borrow_mut().host.answer(&recorded);
    report.drain(&mut world.borrow_mut());
    report.expect("the same message again gets no answer", answer, None);
    report.expect(
        "... because its counter was seen",
        refused(world),
        Some(Error::CounterReplayed),
    );

    world.borrow_mut().attack = Attack::Reflection;
    let receipt = play(terminal, world, report, Kind::Sale, Interface::Contact, 3_00);
    report.expect(
        "the terminal's own message is no answer",
        receipt.outcome(),
        Outcome::BadAnswer,
    );
    report.expect(
        "... because requests and answers have different MAC keys",
        receipt.status,
        Error::VerificationFailed.code(),
    );

    let after = world.borrow().visa_balance();
    report.expect("only the honest sale was booked", before - after, 2_00);
}

/// 7. Between terminal and card.
pub fn on_the_card(terminal: &Terminal, world: &RefCell<World>, report: &mut Report) {
    report.step("7. Must fail: at the card");
    present(world, Product::Visa);

    world.borrow_mut().attack = Attack::CardAmount;
    let receipt = play(terminal, world, report, Kind::Sale, Interface::Contact, 40_00);
    report.expect(
        "the card signed another amount: declined",
        receipt.outcome(),
        Outcome::Declined,
    );
    report.expect(
        "... by the ARQC alone, the MAC was right",
        receipt.code().as_str(),
        "82",
    );

    world.borrow_mut().attack = Attack::IssuerAnswer;
    let receipt = play(terminal, world, report, Kind::Sale, Interface::Contact, 40_00);
    report.expect(
        "a changed ARPC: the card declines",
        receipt.outcome(),
        Outcome::CardDeclined,
    );
    report.expect("... and the sale is reversed", receipt.reversed, 1);

    present(world, Product::UnionPay);
    world.borrow_mut().unionpay.atc_stuck = true;
    let receipt = play(terminal, world, report, Kind::Sale, Interface::Contactless, 5_00);
    report.expect("an ATC that was seen: declined", receipt.outcome(), Outcome::Declined);
    report.expect("... though PIN, ARQC and MAC were right", receipt.code().as_str(), "82");
    world.borrow_mut().unionpay.atc_stuck = false;
}

/// 8. The PIN.
pub fn on_the_pin(terminal: &Terminal, world: &RefCell<World>, report: &mut Report) {
    report.step("8. Must fail: the PIN");
    present(world, Product::Visa);
    world.borrow_mut().pin = secrets::WRONG_PIN;
    let receipt = play(terminal, world, report, Kind::Sale, Interface::Contact, 10_00);
    report.expect("a wrong PIN: declined", receipt.code().as_str(), "55");

    world.borrow_mut().attack = Attack::AnswerCode;
    let receipt = play(terminal, world, report, Kind::Sale, Interface::Contact, 10_00);
    report.expect(
        "a wrong PIN and a forged approval: not authentic",
        receipt.outcome(),
        Outcome::BadAnswer,
    );

    let receipt = play(terminal, world, report, Kind::Sale, Interface::Contact, 10_00);
    report.expect("the third wrong PIN: declined", receipt.code().as_str(), "55");
    world.borrow_mut().pin = Product::Visa.pin();
    let receipt = play(terminal, world, report, Kind::Sale, Interface::Contact, 10_00);
    report.expect("then the right one comes too late", receipt.code().as_str(), "75");

    let second = terminal.probe_second_pin();
    report.expect(
        "a second PIN in one transaction is refused",
        second,
        Err(Error::LimitReached),
    );
}

/// 9. Keys.
pub fn on_the_keys(terminal: &Terminal, world: &RefCell<World>, report: &mut Report) {
    report.step("9. Must fail: keys");
    world.borrow_mut().attack = Attack::KeyBlockBit;
    let loaded = terminal.load_keys().map(|_| ());
    report.drain(&mut world.borrow_mut());
    report.expect(
        "a key block with one bit flipped is refused",
        loaded,
        Err(Error::VerificationFailed),
    );
    let loaded = terminal.load_keys().map(|_| ());
    report.drain(&mut world.borrow_mut());
    report.expect(
        "an initial key that is in use is refused",
        loaded,
        Err(Error::CounterReplayed),
    );

    let probed = terminal.probe_mac_key_for_pin();
    report.expect("a MAC key enciphers no PIN", probed, Err(Error::UsageNotPermitted));
    let probed = terminal.probe_own_mac_as_answer();
    report.expect("a request MAC is no answer MAC", probed, Err(Error::VerificationFailed));
    let probed = world.borrow_mut().host.try_bdk_as_pin_key();
    report.expect("a BDK deciphers no PIN", probed, Err(Error::UsageNotPermitted));
    let probed = Pan::parse(secrets::VISA.0.as_bytes())
        .and_then(|pan| world.borrow_mut().host.issuer.try_pin_under_wrong_key(&pan));
    report.expect(
        "an issuer master key deciphers no PIN",
        probed,
        Err(Error::UsageNotPermitted),
    );
}
