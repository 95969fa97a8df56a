// SPDX-License-Identifier: MIT OR Apache-2.0
//! DUKPT with AES keys.
