// SPDX-License-Identifier: MIT OR Apache-2.0
//! P-256 key agreement.
