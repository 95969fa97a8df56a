/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "flash.h"

#include <string.h>

enum { SIZE = FLASH_PAGES * FLASH_PAGE, UNIT = 16, MOST = 64 };

/* On the controller the chip is no part of its RAM (firmware/mps2-an386.ld). */
#ifdef FLASH_SECTION
#define CHIP __attribute__((section(FLASH_SECTION)))
#else
#define CHIP
#endif

static CHIP uint8_t chip[SIZE], copied[SIZE];
static uint64_t counter;
static uint32_t operations_left, torn_programs, torn_erasures;
static int dark, cut_at_erasure;

void flash_new(void)
{
    memset(chip, 0xFF, sizeof chip);
    counter = 0;
    operations_left = UINT32_MAX;
    torn_programs = 0;
    torn_erasures = 0;
    dark = 0;
    cut_at_erasure = 0;
}

void flash_cut_after(uint32_t operations)
{
    operations_left = operations;
}

void flash_cut_at_erasure(void)
{
    cut_at_erasure = 1;
}

int flash_is_dark(void)
{
    return dark;
}

void flash_power_returns(void)
{
    dark = 0;
    cut_at_erasure = 0;
    operations_left = UINT32_MAX;
}

uint32_t flash_torn_programs(void)
{
    return torn_programs;
}

uint32_t flash_torn_erasures(void)
{
    return torn_erasures;
}

void flash_copy(void)
{
    memcpy(copied, chip, sizeof chip);
}

void flash_swap(void)
{
    size_t i;

    for (i = 0; i < sizeof chip; i++) {
        const uint8_t byte = chip[i];

        chip[i] = copied[i];
        copied[i] = byte;
    }
}

/* Whether there is power for the whole of one more operation; `begun`: for its first half. */
static int powered(int *begun)
{
    *begun = 0;
    if (dark) {
        return 0;
    }
    if (operations_left == 0) {
        dark = 1;
        *begun = 1;
        return 0;
    }
    operations_left--;
    return 1;
}

static int is_inside(uint32_t address, size_t len)
{
    return address % UNIT == 0 && len % UNIT == 0 && address <= SIZE && len <= SIZE - address;
}

static payhsm_status_t read(void *user, uint32_t address, uint8_t *out, size_t len)
{
    (void)user;
    if (dark || !is_inside(address, len)) {
        return 1;
    }
    memcpy(out, chip + address, len);
    return PAYHSM_OK;
}

static payhsm_status_t program(void *user, uint32_t address, const uint8_t *data, size_t len)
{
    const size_t half = len / 2 & ~(size_t)(FLASH_WORD - 1);
    size_t i, whole;
    int begun;

    (void)user;
    if (len > MOST || !is_inside(address, len)) {
        return 1;
    }
    whole = powered(&begun) ? len : begun ? half : 0;
    for (i = 0; i < whole; i++) {
        chip[address + i] &= data[i];
    }
    torn_programs += (uint32_t)begun;
    /* Of the word in which the power went some bits are there. */
    for (i = whole; begun && i < whole + FLASH_WORD; i++) {
        chip[address + i] &= data[i] | 0x66;
    }
    return dark ? 1 : PAYHSM_OK;
}

static payhsm_status_t erase(void *user, uint32_t address)
{
    size_t whole;
    int begun;

    (void)user;
    if (address % FLASH_PAGE != 0 || address >= SIZE) {
        return 1;
    }
    if (cut_at_erasure) {
        operations_left = 0;
    }
    whole = powered(&begun) ? FLASH_PAGE : begun ? FLASH_PAGE / 2 : 0;
    memset(chip + address, 0xFF, whole);
    torn_erasures += (uint32_t)begun;
    return dark ? 1 : PAYHSM_OK;
}

payhsm_status_t counter_read(void *user, uint64_t *value)
{
    (void)user;
    *value = counter;
    return dark ? 1 : PAYHSM_OK;
}

payhsm_status_t counter_advance(void *user, uint64_t by)
{
    int begun;

    (void)user;
    /* It advances as a whole or not at all. */
    if (!powered(&begun)) {
        return 1;
    }
    counter += by;
    return PAYHSM_OK;
}

payhsm_flash_t flash_describe(void)
{
    payhsm_flash_t flash;

    memset(&flash, 0, sizeof flash);
    flash.size = sizeof flash;
    flash.page_size = FLASH_PAGE;
    flash.pages = FLASH_PAGES;
    flash.program_word = FLASH_WORD;
    flash.word_rewritable = 1;
    flash.record_pages = FLASH_RECORD_PAGES;
    flash.groups = 1;
    flash.area_pages = FLASH_AREA_PAGES;
    flash.read = read;
    flash.program = program;
    flash.erase = erase;
    return flash;
}
