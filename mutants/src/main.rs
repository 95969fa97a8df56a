// SPDX-License-Identifier: MIT OR Apache-2.0
//! Prints where the operators of a file and their operands stand, for `scripts/mutants.py`: a line for each, with places as
//! LINE:COLUMN (from 1; of the end, the column behind it): operator, where it begins, where the expression begins and ends.
//! What cannot stand in an `if` of its own (a chain of `let`) is left out.

use proc_macro2::{LineColumn, Span};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

#[derive(Default)]
struct Lets(bool);

impl Visit<'_> for Lets {
    fn visit_expr_let(&mut self, _: &syn::ExprLet) {
        self.0 = true;
    }

    // A `let` of its own statement, or in a closure, is none of the chain.
    fn visit_expr_closure(&mut self, _: &syn::ExprClosure) {}
    fn visit_block(&mut self, _: &syn::Block) {}
}

struct Operators;

fn place(at: LineColumn) -> String {
    format!("{}:{}", at.line, at.column + 1)
}

fn print(operator: Span, whole: Span) {
    println!(
        "{} {} {}",
        place(operator.start()),
        place(whole.start()),
        place(whole.end())
    );
}

impl Visit<'_> for Operators {
    fn visit_expr_binary(&mut self, node: &syn::ExprBinary) {
        let mut lets = Lets::default();
        lets.visit_expr(&node.left);
        lets.visit_expr(&node.right);
        if !lets.0 {
            print(node.op.span(), node.span());
        }
        visit::visit_expr_binary(self, node);
    }

    fn visit_expr_unary(&mut self, node: &syn::ExprUnary) {
        print(node.op.span(), node.span());
        visit::visit_expr_unary(self, node);
    }
}

fn main() {
    let path = std::env::args().nth(1).expect("a file");
    let text = std::fs::read_to_string(&path).expect("a file that can be read");
    Operators.visit_file(&syn::parse_file(&text).expect("a file of Rust"));
}
