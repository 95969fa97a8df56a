// SPDX-License-Identifier: MIT OR Apache-2.0
//! What must work.

use core::cell::RefCell;

use payhsm::emv::card::IssuerAnswer;
use payhsm::error::Error;

use crate::office::Product;
use crate::report::Report;
use crate::terminal::{Interface, Kind, Outcome, Receipt, Terminal};
use crate::wire::hex;
use crate::world::{Attack, World};

/// Plays a transaction and prints it.
pub fn play(
    terminal: &Terminal,
    world: &RefCell<World>,
    report: &Report,
    kind: Kind,
    interface: Interface,
    amount: u64,
) -> Receipt {
    let receipt = terminal.transact(kind, interface, amount);
    if !receipt.pan().is_empty() {
        let mut line = format!("PAN {}", receipt.pan());
        if receipt.atc != 0 {
            line += &format!(", ATC {:04X}, ARQC {}", receipt.atc, hex(&receipt.arqc));
        }
        report.detail("card", &line);
    }
    if !receipt.ksn().is_empty() {
        report.detail(
            "terminal",
            &format!("STAN {:06}, KSN {}", receipt.stan, hex(receipt.ksn())),
        );
    }
    report.drain(&mut world.borrow_mut());
    if receipt.tc != [0; 8] {
        report.detail("card", &format!("last cryptogram {}", hex(&receipt.tc)));
    }
    receipt
}

/// A card and its PIN to the terminal.
pub fn present(world: &RefCell<World>, product: Product) {
    let mut world = world.borrow_mut();
    world.presented = product;
    world.pin = product.pin();
}

/// 1. Keys.
pub fn keys(world: &'static RefCell<World>, report: &mut Report) -> Result<Terminal, Error> {
    report.step("1. Keys: components, agreement, key blocks");
    let terminal = Terminal::power_on(world)?;
    report.drain(&mut world.borrow_mut());
    let info = terminal.enter_authentication_key()?;
    let kcv = hex(&info.kcv);
    report.detail("terminal", &format!("authentication key: 2 components, KCV {kcv}"));
    let keys = terminal.load_keys()?;
    let log = world.borrow().host.log.join("\n");
    report.drain(&mut world.borrow_mut());
    let kbpk = hex(&keys.protection.kcv);
    report.detail("terminal", &format!("KBPK agreed, KCV {kbpk}"));
    report.expect(
        "both have the same KBPK",
        log.contains(&format!("KBPK agreed, KCV {kbpk}")),
        true,
    );
    for (info, letter) in keys.initial.iter().zip([b'T', b'A']) {
        let (kcv, ksn) = (hex(&info.kcv), hex(&info.ksn[..usize::from(info.ksn_len)]));
        report.detail("terminal", &format!("initial key loaded, KCV {kcv}, next KSN {ksn}"));
        let agrees = info.algorithm == letter && log.contains(&format!("KCV {kcv}"));
        report.expect("both have the same initial key", agrees, true);
    }
    Ok(terminal)
}

/// 2. Sale by card and PIN.
pub fn contact(terminal: &Terminal, world: &RefCell<World>, report: &mut Report, tamper: bool) {
    report.step("2. Sale 125.00, contact card and PIN: TDEA DUKPT, format 0, X9.19, Visa CVN 18");
    present(world, Product::Visa);
    if tamper {
        world.borrow_mut().attack = Attack::RequestAmount;
    }
    let receipt = play(terminal, world, report, Kind::Sale, Interface::Contact, 125_00);
    report.expect(
        "approved; PIN, ARQC and both MACs verified",
        receipt.outcome(),
        Outcome::Approved,
    );
    let issuer = world.borrow().visa.issuer;
    report.expect(
        "the card recognised its issuer by the ARPC and gave a TC",
        issuer,
        Some(IssuerAnswer::StatusUpdate([0, 0x80, 0, 0])),
    );
}

/// 3. The same, contactless.
pub fn contactless(terminal: &Terminal, world: &RefCell<World>, report: &mut Report) {
    report.step("3. Sale 88.00, contactless and PIN: AES DUKPT, format 4, CMAC, UnionPay CVN 01");
    present(world, Product::UnionPay);
    let receipt = play(terminal, world, report, Kind::Sale, Interface::Contactless, 88_00);
    report.expect(
        "approved; PIN, ARQC and both MACs verified",
        receipt.outcome(),
        Outcome::Approved,
    );
}

/// 4. Balance.
pub fn balance(terminal: &Terminal, world: &RefCell<World>, report: &mut Report) {
    report.step("4. Balance inquiry");
    present(world, Product::Visa);
    let receipt = play(terminal, world, report, Kind::Balance, Interface::Contact, 0);
    report.expect("shown after its MAC verified", receipt.balance(), Some(375_00));
    world.borrow_mut().attack = Attack::AnswerBalance;
    let receipt = play(terminal, world, report, Kind::Balance, Interface::Contact, 0);
    report.expect(
        "a changed balance is not authentic",
        receipt.outcome(),
        Outcome::BadAnswer,
    );
    report.expect("... and is not shown", receipt.balance(), None);
}

/// 5. Refund, QR payment, reversal.
pub fn more(terminal: &Terminal, world: &RefCell<World>, report: &mut Report) {
    report.step("5. Refund 25.00, QR payment 12.00, and a sale whose answer gets lost");
    present(world, Product::Visa);
    let receipt = play(terminal, world, report, Kind::Refund, Interface::Contact, 25_00);
    report.expect("refunded", receipt.outcome(), Outcome::Approved);
    let receipt = play(terminal, world, report, Kind::QrSale, Interface::NoCard, 12_00);
    report.expect("paid by QR code", receipt.outcome(), Outcome::Approved);
    world.borrow_mut().attack = Attack::LostAnswer;
    let receipt = play(terminal, world, report, Kind::Sale, Interface::Contact, 60_00);
    report.expect("no answer: not approved", receipt.outcome(), Outcome::NoAnswer);
    report.expect("... and reversed", receipt.reversed, 1);
    let receipt = play(terminal, world, report, Kind::Balance, Interface::Contact, 0);
    report.expect("the money is where it was", receipt.balance(), Some(400_00));
}

/// 10. The terminal loses power: same storage, and the counter goes on.
pub fn restart(terminal: Terminal, world: &'static RefCell<World>, report: &mut Report) -> Result<(), Error> {
    report.step("10. The terminal is switched off and on");
    let before = [terminal.next_ksn(b'T')?, terminal.next_ksn(b'A')?];
    drop(terminal);
    let terminal = Terminal::power_on(world)?;
    let after = [terminal.next_ksn(b'T')?, terminal.next_ksn(b'A')?];
    for ksn in &after {
        report.detail("terminal", &format!("from storage: next KSN {}", hex(ksn)));
    }
    report.expect("no KSN comes again and none is skipped", &after, &before);
    present(world, Product::UnionPay);
    let receipt = play(&terminal, world, report, Kind::Sale, Interface::Contactless, 1_00);
    report.expect("the next sale is approved", receipt.outcome(), Outcome::Approved);
    report.expect("... under that KSN", receipt.ksn(), &after[1][..]);
    Ok(())
}
