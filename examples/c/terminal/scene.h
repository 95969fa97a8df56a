/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the scenes of the day share. */
#ifndef SCENE_H
#define SCENE_H

#include "terminal.h"

extern const char PAN[];
extern const uint8_t AMOUNT[AMOUNT_LEN];

extern terminal_t terminal;
/* Somebody on the line changes this byte of the next answer, counted from its end; 0: nobody. */
extern size_t change_at;
extern int line_is_down;

/* Ends the run if it is not so. */
void check(int condition, const char *what);
void must(payhsm_status_t got, payhsm_status_t want, const char *what);
uint32_t state(void);

/* The next customer, half a minute later. */
payhsm_status_t sale(const char *digits, uint8_t *result);
void they_log_in(const uint32_t *users, size_t count);
void the_log_is_read(void);

/* The scenes. */
void self_tests(void);
void loading(void);
void sales(void);
void inquiry(void);
void orders(void);
void idle(void);
void power(void);
void rollback(void);
void tamper(void);

#endif
