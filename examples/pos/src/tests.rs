// SPDX-License-Identifier: MIT OR Apache-2.0
//! The terminal under every single change of what it is told. One test: there is one terminal.

use core::cell::RefCell;

use crate::office::Product;
use crate::report::Report;
use crate::steps;
use crate::terminal::{Interface, Kind, Outcome};
use crate::world::{Attack, World};

#[test]
fn no_changed_answer_is_believed() {
    let world: &'static RefCell<World> = Box::leak(Box::new(RefCell::new(World::new().unwrap())));
    let terminal = steps::keys(world, &mut Report::default()).unwrap();

    // The host's answer: every byte, every length. A payment without PIN, so that the host counts no tries.
    let pay = |attack| {
        world.borrow_mut().attack = attack;
        let receipt = terminal.transact(Kind::QrSale, Interface::NoCard, 1_00);
        (world.borrow().attack == Attack::None, receipt)
    };
    for attack in [Attack::AnswerByte, Attack::AnswerCut] {
        let mut changed = 0;
        for at in 0.. {
            let (hit, receipt) = pay(attack(at));
            if !hit {
                assert_eq!(receipt.outcome(), Outcome::Approved);
                break;
            }
            changed += 1;
            assert!(
                matches!(receipt.outcome(), Outcome::BadAnswer | Outcome::NoAnswer),
                "{at}: {receipt:?}"
            );
            assert_eq!((receipt.reversed, receipt.code().as_str()), (1, ""));
        }
        // Header, type, trace number, code, MAC.
        assert_eq!(changed, 4 + 5 + 6 + 4 + 11);
    }

    // The card's answers: every byte. What is in the cryptogram cannot change unnoticed; what is not (names, the TC,
    // the list entry of an object that is zero) may.
    world.borrow_mut().presented = Product::Visa;
    world.borrow_mut().pin = Product::Visa.pin();
    let mut outcomes = Vec::new();
    for at in 0.. {
        world.borrow_mut().attack = Attack::CardByte(at);
        let receipt = terminal.transact(Kind::Sale, Interface::Contact, 1);
        let hit = world.borrow().attack == Attack::None;
        world.borrow_mut().attack = Attack::None;
        if !hit {
            break;
        }
        assert_ne!(receipt.outcome(), Outcome::Misuse, "{at}");
        assert_ne!(receipt.reversed, 2, "{at}");
        outcomes.push(receipt.outcome());
    }
    assert!(outcomes.len() > 140, "{}", outcomes.len());
    for seen in [Outcome::Approved, Outcome::Declined, Outcome::CardError] {
        assert!(outcomes.contains(&seen), "{seen:?}");
    }
}
