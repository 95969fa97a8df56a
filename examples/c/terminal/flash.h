/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The flash under the terminal, played in memory as NOR flash is: programming takes bits from 1 to 0, a page is erased as
 * a whole, and power that goes in the middle of either leaves a part of it. Beside it a counter that is never set back.
 */
#ifndef TERMINAL_FLASH_H
#define TERMINAL_FLASH_H

#include <payhsm.h>

enum {
    FLASH_PAGE = 1024,
    FLASH_RECORD_PAGES = 10, /* of each of the two banks of records */
    FLASH_AREA_PAGES = 1,    /* of each of the two areas of a DUKPT group */
    FLASH_PAGES = 2 * FLASH_RECORD_PAGES + 2 * FLASH_AREA_PAGES,
    FLASH_WORD = 8
};

/* As it leaves the factory, and the counter at 0. */
void flash_new(void);
/* What the module is told of it. */
payhsm_flash_t flash_describe(void);

/* The power goes after so many programs, erasures and advances from now, in the middle of the next one. */
void flash_cut_after(uint32_t operations);
/* It goes in the middle of the next erasure. */
void flash_cut_at_erasure(void);
/* Whether it has gone. Nothing was written or read since. */
int flash_is_dark(void);
void flash_power_returns(void);
/* How many programs and erasures a loss of power has left half done. */
uint32_t flash_torn_programs(void);
uint32_t flash_torn_erasures(void);

/* Somebody copies the chip, and puts back what he has copied: what is there then is kept for the next call. */
void flash_copy(void);
void flash_swap(void);

payhsm_status_t counter_read(void *user, uint64_t *value);
payhsm_status_t counter_advance(void *user, uint64_t by);

#endif
