/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A terminal whose storage is NOR flash behind three callbacks, with a monotonic counter beside it: an initial key comes
 * in, is used over several starts, and an older image of the flash is seen.
 */
#include "check.h"
#include "device.h"

enum { PAGE = 1024, PAGES = 8, SIZE = PAGE * PAGES, BASE = 0x40000 };

typedef struct flash {
    uint8_t bytes[SIZE];
    uint64_t counter;
    unsigned programs, erases;
    payhsm_status_t answer;
} flash_t;

static flash_t flash;
static device_t host, terminal;

static payhsm_status_t flash_read(void *user, uint32_t address, uint8_t *out, size_t len)
{
    flash_t *self = user;

    CHECK(address >= BASE && address - BASE + len <= SIZE && address % 16 == 0 && len % 16 == 0);
    memcpy(out, self->bytes + (address - BASE), len);
    return self->answer;
}

static payhsm_status_t flash_program(void *user, uint32_t address, const uint8_t *data, size_t len)
{
    flash_t *self = user;
    size_t i;

    CHECK(address >= BASE && address - BASE + len <= SIZE && address % 16 == 0 && len % 16 == 0 && len <= 64);
    self->programs++;
    for (i = 0; i < len; i++) {
        self->bytes[address - BASE + i] &= data[i];
    }
    return self->answer;
}

static payhsm_status_t flash_erase(void *user, uint32_t address)
{
    flash_t *self = user;

    CHECK(address >= BASE && address - BASE < SIZE && (address - BASE) % PAGE == 0);
    self->erases++;
    memset(self->bytes + (address - BASE), 0xFF, PAGE);
    return self->answer;
}

static payhsm_status_t counter_read(void *user, uint64_t *value)
{
    (void)user;
    *value = flash.counter;
    return 0;
}

static payhsm_status_t counter_advance(void *user, uint64_t by)
{
    (void)user;
    CHECK(by > 0);
    flash.counter += by;
    return 0;
}

static payhsm_flash_t flash_config(void)
{
    payhsm_flash_t config;

    memset(&config, 0, sizeof config);
    config.size = sizeof config;
    config.page_size = PAGE;
    config.pages = PAGES;
    config.program_word = 8;
    config.word_rewritable = 1;
    config.base = BASE;
    config.record_pages = 2;
    config.groups = 2;
    config.area_pages = 1;
    config.read = flash_read;
    config.program = flash_program;
    config.erase = flash_erase;
    config.user = &flash;
    return config;
}

static payhsm_status_t start(const payhsm_flash_t *on, int counted)
{
    payhsm_config_t config = device_config(&terminal, 0);

    config.storage_load = NULL;
    config.storage_save = NULL;
    config.storage_erase = NULL;
    config.flash = on;
    if (counted) {
        config.monotonic_read = counter_read;
        config.monotonic_advance = counter_advance;
    }
    return payhsm_init(device_memory(&terminal), PAYHSM_CTX_SIZE(DEVICE_SLOTS, DEVICE_GROUPS), &config, &terminal.ctx);
}

static uint32_t state(void)
{
    payhsm_state_t now;

    memset(&now, 0, sizeof now);
    now.size = sizeof now;
    CHECK_OK(payhsm_state(terminal.ctx, &now));
    return now.state;
}

/* A group of the terminal with an initial key that the host made. */
static uint32_t load(void)
{
    static const uint8_t kbpk[16] = {0x11, 0x32, 0x53, 0x74, 0x95, 0xB6, 0xD7, 0xF8,
                                     0x19, 0x3A, 0x5B, 0x7C, 0x9D, 0xBE, 0xDF, 0x01};
    static const uint8_t bdk[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF,
                                    0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10};
    static const uint8_t id[10] = {0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0x00, 0x00};
    payhsm_key_info_t info;
    payhsm_initial_key_info_t initial;
    uint32_t kbpk_h = 0, kbpk_t = 0, bdk_h = 0, group = 0;
    uint8_t block[256], kcv[PAYHSM_KCV_MAX_LEN];
    size_t len = 0;

    CHECK_OK(device_start(&host, 0));
    CHECK_OK(device_enter(&host, "K1", 'A', 'E', 'N', kbpk, sizeof kbpk, &kbpk_h, &info));
    CHECK_OK(device_enter(&host, "B0", 'T', 'X', 'N', bdk, sizeof bdk, &bdk_h, &info));
    CHECK_OK(payhsm_dukpt_export_initial_key(host.ctx, bdk_h, id, sizeof id, kbpk_h, block, sizeof block, &len, kcv));
    CHECK_OK(payhsm_close(host.ctx));
    CHECK_OK(device_enter(&terminal, "K1", 'A', 'D', 'N', kbpk, sizeof kbpk, &kbpk_t, &info));
    CHECK_OK(payhsm_dukpt_load(terminal.ctx, kbpk_t, PAYHSM_PROFILE_X9_143_STRICT, block, len, &group, &initial));
    return group;
}

/* The counter of the next transaction, five digits of its KSN. */
static unsigned step(uint32_t group)
{
    uint32_t sale = 0;
    uint8_t ksn[PAYHSM_KSN_MAX_LEN];
    size_t len = 0;

    CHECK_OK(payhsm_dukpt_begin(terminal.ctx, group, &sale, ksn, sizeof ksn, &len));
    CHECK_OK(payhsm_transaction_end(terminal.ctx, sale));
    return (unsigned)(ksn[8] << 8 | ksn[9]);
}

static void refused(void)
{
    payhsm_flash_t config;

#define REFUSE(change)                                               \
    do {                                                             \
        config = flash_config();                                     \
        change;                                                      \
        CHECK_STATUS(start(&config, 0), PAYHSM_ERR_INVALID_ARGUMENT); \
    } while (0)
    REFUSE(config.page_size = 24);
    REFUSE(config.page_size = 0);
    REFUSE(config.pages = 7);
    REFUSE(config.pages = UINT32_MAX);
    REFUSE(config.program_word = 3);
    REFUSE(config.program_word = 32);
    REFUSE(config.area_pages = 0);
    REFUSE(config.area_pages = UINT32_MAX);
    REFUSE(config.record_pages = UINT32_MAX);
    REFUSE(config.groups = 65536);
    REFUSE(config.base = UINT32_MAX);
    REFUSE(config.reserved = 1);
    config = flash_config();
    config.size--;
    CHECK_STATUS(start(&config, 0), PAYHSM_ERR_ABI_MISMATCH);
    config = flash_config();
    config.erase = NULL;
    CHECK_STATUS(start(&config, 0), PAYHSM_ERR_NULL_POINTER);
}

int main(void)
{
    payhsm_flash_t config = flash_config();
    static uint8_t older[SIZE];
    payhsm_initial_key_info_t info;
    uint32_t group = 0;
    unsigned expected = 0, i, boot;

    memset(flash.bytes, 0xFF, sizeof flash.bytes);
    refused();
    CHECK(flash.programs == 0 && flash.erases == 0);

    CHECK_OK(start(&config, 1));
    group = load();
    for (boot = 0; boot < 5; boot++) {
        for (i = 0; i < 20; i++) {
            expected++;
            CHECK(step(group) == expected);
        }
        CHECK_OK(payhsm_close(terminal.ctx));
        if (boot == 3) {
            memcpy(older, flash.bytes, sizeof older);
        }
        CHECK_OK(start(&config, 1));
        CHECK(state() != PAYHSM_STATE_TAMPERED);
        CHECK_OK(payhsm_dukpt_find(terminal.ctx, 0, &group, &info));
    }
    CHECK(flash.erases > 2);

    /* A flash that fails gives out nothing; afterwards one key is lost, and none is used twice. */
    flash.answer = 1;
    {
        uint32_t sale = 0;
        uint8_t ksn[PAYHSM_KSN_MAX_LEN];
        size_t len = 0;

        CHECK_STATUS(payhsm_dukpt_begin(terminal.ctx, group, &sale, ksn, sizeof ksn, &len), PAYHSM_ERR_STORAGE);
        CHECK(sale == 0 && len == 0 && all_zero(ksn, sizeof ksn));
    }
    flash.answer = 0;
    expected += 2;
    CHECK(step(group) == expected);
    CHECK_OK(payhsm_close(terminal.ctx));

    /* An older image: with the counter the module sees it. */
    memcpy(flash.bytes, older, sizeof older);
    CHECK_OK(start(&config, 1));
    CHECK(state() == PAYHSM_STATE_TAMPERED);
    CHECK_OK(payhsm_close(terminal.ctx));
    /* So it does when everything is erased. */
    memset(flash.bytes, 0xFF, sizeof flash.bytes);
    CHECK_OK(start(&config, 1));
    CHECK(state() == PAYHSM_STATE_TAMPERED);
    CHECK_OK(payhsm_close(terminal.ctx));
    /* Without the counter nobody can tell. */
    memcpy(flash.bytes, older, sizeof older);
    CHECK_OK(start(&config, 0));
    CHECK(state() != PAYHSM_STATE_TAMPERED);
    CHECK_OK(payhsm_close(terminal.ctx));
    return check_end("flash");
}
