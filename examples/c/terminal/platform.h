/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The device under the terminal: memory, clock, random numbers, flash, the keypad, the answers of its people. Here all
 * of it is played; a product puts its drivers in this place and leaves the rest as it is.
 */
#ifndef TERMINAL_PLATFORM_H
#define TERMINAL_PLATFORM_H

#include <payhsm.h>

/* Slots and groups of this terminal. */
enum { PLATFORM_SLOTS = 8, PLATFORM_GROUPS = 1 };

/* Records of the audit log. */
enum { PLATFORM_LOG = 48 };

/* Starts the module over what the flash holds, and opens its log. */
payhsm_status_t platform_start(payhsm_ctx_t **hsm);

/* A device as it leaves the factory. */
void platform_new(void);
/* After a loss of power what was in memory is lost. */
void platform_power_returns(void);
/* What the check of the program in the code flash says at the next start. */
void platform_code_is_good(int good);

/* A customer enters a PIN. The digits go from the keypad's driver into this structure and nowhere else. */
payhsm_pin_t platform_keypad(const char *digits);

/* Somebody works at the terminal, or nobody does. */
void platform_people_present(int present);
/* The clock goes on. */
void platform_wait(uint32_t seconds);

/* What the program says, and its end. Each image has its own: a console, or a debug probe. */
void out_text(const char *text);
void out_number(uint32_t number);
void out_bytes(const uint8_t *bytes, size_t len);
void out_stop(const char *why);

#endif
