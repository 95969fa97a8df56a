/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Every parameter of every function: each pointer NULL, misaligned, inside another parameter, inside the context; each
 * length impossible; each buffer short; each handle wrong. A table says what the functions take; the rest is loops.
 */
#include "pointers_calls.h"


/* --- one call ------------------------------------------------------------------------------------------------------ */

static const call_t *now;
/* Where the parameters lie, each before a page that cannot be touched. */
static uint8_t *in_memory[INS], *out_memory[OUTS];

/* The right parameters, and outputs full of rubbish. */
static void right(void)
{
    size_t i;

    memset(&p, 0, sizeof p);
    p.ctx = here.ctx;
    for (i = 0; i < HANDLES; i++) {
        p.handle[i] = now->handle[i] == NULL ? 0 : *now->handle[i];
    }
    for (i = 0; i < INS; i++) {
        size_t len = now->in[i].len;

        if (now->in[i].bytes == key_block) {
            len = key_block_len;
        } else if (now->in[i].bytes == initial_block) {
            len = initial_block_len;
        } else if (now->in[i].bytes == oda_records) {
            len = oda_records_len;
        } else if (now->in[i].bytes == oda_sent) {
            len = oda_sent_len;
        } else if (now->in[i].bytes == oda_response) {
            len = oda_response_len;
        }
        p.in_len[i] = len;
        if (len > 0) {
            p.in[i] = in_memory[i] + FAR - len;
            memcpy(in_memory[i] + FAR - len, now->in[i].bytes, len);
        }
    }
    for (i = 0; i < OUTS; i++) {
        memset(out_memory[i], 0xAA, FAR);
        if (now->out[i].form != NOTHING) {
            p.out[i] = out_memory[i] + FAR - now->out[i].len;
        }
        if (now->out[i].form == PIN) {
            memcpy(p.out[i], &PIN_1234, sizeof PIN_1234);
        }
        if (now->out[i].form == SIZED) {
            const uint32_t size = (uint32_t)now->out[i].len;

            memcpy(p.out[i], &size, sizeof size);
        }
    }
    p.capacity = now->out[0].len;
}

static payhsm_status_t run(void)
{
    payhsm_status_t status;

    if (now->before != NULL) {
        now->before();
    }
    status = now->run();
    return status;
}

static void undo(void)
{
    if (now->after != NULL) {
        now->after();
    }
    /* A ceremony that a call has opened or left open. */
    no_ceremony();
}

/* Every output that is there is wiped. */
static int wiped(void)
{
    size_t i;
    int clean = 1;

    if (now->run == run_oda_verify && p.out[0] != NULL) {
        payhsm_oda_result_t result;

        memcpy(&result, p.out[0], sizeof result);
        if (result.stage != 0) {
            /* Why a card is not authenticated, and nothing else. */
            return all_zero(&result.cid, sizeof result - offsetof(payhsm_oda_result_t, cid));
        }
    }
    for (i = 0; i < OUTS; i++) {
        const size_t len = i == 0 && now->out[0].form == BUFFER ? p.capacity : now->out[i].len;

        if (p.out[i] != NULL && len <= FAR) {
            /* The size is the caller's and stays. */
            const size_t own_size = now->out[i].form == SIZED ? sizeof(uint32_t) : 0;

            clean = clean && all_zero((uint8_t *)p.out[i] + own_size, len - own_size);
        }
    }
    return clean;
}

static void expect(payhsm_status_t expected, const char *what, size_t which)
{
    const payhsm_status_t status = run();
    char text[128];

    snprintf(text, sizeof text, "%s, %s %u", now->name, what, (unsigned)which);
    check_status(status, expected, text, __FILE__, __LINE__);
    if (status != PAYHSM_OK && status != PAYHSM_ERR_OVERLAP && !wiped()) {
        check_status(1, 0, text, "an output was not wiped", __LINE__);
    }
    undo();
}

static size_t in_size(size_t i)
{
    return p.in_len[i];
}

/* --- what may be wrong --------------------------------------------------------------------------------------------- */

static void nulls(void)
{
    size_t i;

    for (i = 0; i < INS; i++) {
        right();
        if (in_size(i) > 0) {
            p.in[i] = NULL;
            expect(PAYHSM_ERR_NULL_POINTER, "NULL input", i);
        }
    }
    for (i = 0; i < OUTS; i++) {
        right();
        if (p.out[i] != NULL) {
            p.out[i] = NULL;
            expect(PAYHSM_ERR_NULL_POINTER, "NULL output", i);
        }
    }
}

static void lengths(void)
{
    static const size_t impossible[] = {SIZE_MAX, SIZE_MAX / 2 + 1};
    size_t i, j, needed;

    for (j = 0; j < 2; j++) {
        for (i = 0; i < INS; i++) {
            right();
            if (in_size(i) > 0 && !now->in[i].fixed) {
                p.in_len[i] = impossible[j];
                expect(now->in_place && i == 1 ? PAYHSM_ERR_BUFFER_TOO_SMALL : PAYHSM_ERR_INVALID_LENGTH, "length", i);
            }
        }
        if (now->out[0].form == BUFFER) {
            right();
            p.capacity = impossible[j];
            expect(PAYHSM_ERR_INVALID_LENGTH, "capacity", 0);
            CHECK(out_memory[0][0] == 0xAA);
        }
    }
    /* Nothing instead of something: whatever comes of it, not a touch of what is not there. */
    for (i = 0; i < INS; i++) {
        right();
        if (in_size(i) > 0 && !now->in[i].fixed) {
            p.in[i] = NULL;
            p.in_len[i] = 0;
            CHECK(run() == PAYHSM_OK || wiped());
            undo();
        }
    }
    if (now->out[0].form == BUFFER) {
        right();
        needed = now->out[0].len;
        if (now->good == PAYHSM_OK) {
            CHECK_OK(run());
            memcpy(&needed, p.out[1], sizeof needed);
            undo();
        }
        for (i = 0; i < needed; i++) {
            right();
            p.capacity = i;
            p.out[0] = out_memory[0] + FAR - i;
            expect(PAYHSM_ERR_BUFFER_TOO_SMALL, "capacity", i);
            CHECK(out_memory[0][FAR - i - 1] == 0xAA && out_memory[0][0] == 0xAA);
        }
    }
}

static void alignments(void)
{
    size_t i;

    for (i = 0; i < OUTS; i++) {
        right();
        if (now->out[i].form == VALUE || now->out[i].form == SIZED) {
            p.out[i] = (uint8_t *)p.out[i] - 1;
            check_status(run(), PAYHSM_ERR_MISALIGNED, now->name, __FILE__, __LINE__);
            CHECK(out_memory[i][FAR - now->out[i].len - 1] == 0xAA && out_memory[i][FAR - 1] == 0xAA);
            p.out[i] = NULL;
            CHECK(wiped());
            undo();
        }
    }
}

static uint32_t random_number(void)
{
    static uint32_t state = 2463534242u;

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static int lives(uint32_t handle)
{
    uint32_t keys[sizeof own / sizeof(uint32_t)];
    size_t i;

    memcpy(keys, &own, sizeof own);
    for (i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (keys[i] == handle) {
            return 1;
        }
    }
    return 0;
}

static void handles(uint32_t stale_key, uint32_t stale_transaction)
{
    size_t i, j;

    for (i = 0; i < HANDLES && now->handle[i] != NULL; i++) {
        const uint32_t live = *now->handle[i];
        uint32_t wrong[12 + sizeof foreign / sizeof(uint32_t)];

        wrong[0] = 0;
        wrong[1] = UINT32_MAX;
        wrong[2] = live ^ 1;
        wrong[3] = live ^ 0x00080000; /* another generation */
        wrong[4] = live ^ 0x00100000; /* another index */
        wrong[5] = live ^ 0x08000000; /* an index beyond the tables */
        wrong[6] = live & 0x0FFFFFFF;
        wrong[7] = live ^ 0x80000000;
        wrong[8] = stale_key;
        wrong[9] = stale_transaction;
        /* Of another kind: a key's for a group's, a group's for a key's. */
        wrong[10] = live >> 28 == 2 ? own.kbpk : own.group;
        wrong[11] = live >> 28 == 1 ? live ^ 0x30000000 : live ^ 0x10000000;
        memcpy(wrong + 12, &foreign, sizeof foreign);
        for (j = 0; j < sizeof wrong / sizeof *wrong; j++) {
            /* Once in a million foreign handles is ours. */
            if (!lives(wrong[j]) || j == 10) {
                right();
                p.handle[i] = wrong[j];
                expect(PAYHSM_ERR_INVALID_HANDLE, "handle", j);
            }
        }
        for (j = 0; j < RANDOM_HANDLES; j++) {
            right();
            p.handle[i] = random_number();
            if (!lives(p.handle[i])) {
                expect(PAYHSM_ERR_INVALID_HANDLE, "random handle", j);
            }
        }
    }
}

/* Parameter `which`: inputs first. */
static size_t size_of(size_t which)
{
    return which < INS ? in_size(which) : now->out[which - INS].len;
}

static void move(size_t which, uint8_t *to)
{
    if (which < INS) {
        p.in[which] = to;
    } else {
        p.out[which - INS] = to;
    }
}

static void overlap(size_t output, size_t other, ptrdiff_t distance)
{
    static uint8_t area[4096], before[sizeof area], others[OUTS][FAR];
    uint8_t *const middle = area + 2048;
    size_t i;

    right();
    for (i = 0; i < sizeof area; i++) {
        area[i] = (uint8_t)(i * 31 + 7);
    }
    move(output, middle);
    move(other, middle + distance);
    memcpy(before, area, sizeof area);
    for (i = 0; i < OUTS; i++) {
        memcpy(others[i], out_memory[i], FAR);
        /* A PIN is wiped wherever it lies. */
        if (now->out[i].form == PIN) {
            if (output == INS + i || other == INS + i) {
                memset(before + ((uint8_t *)p.out[i] - area), 0, now->out[i].len);
            } else {
                memset(others[i] + FAR - now->out[i].len, 0, now->out[i].len);
            }
        }
    }
    check_status(run(), PAYHSM_ERR_OVERLAP, now->name, __FILE__, __LINE__);
    CHECK(memcmp(area, before, sizeof area) == 0);
    for (i = 0; i < OUTS; i++) {
        CHECK(memcmp(others[i], out_memory[i], FAR) == 0);
    }
    /* Nothing was given that could be undone. */
    p.out[0] = NULL;
    undo();
}

static void overlaps(void)
{
    size_t output, other;

    for (output = INS; output < INS + OUTS; output++) {
        for (other = 0; other < INS + OUTS; other++) {
            ptrdiff_t own_len, other_len;

            right();
            own_len = (ptrdiff_t)size_of(output);
            other_len = (ptrdiff_t)size_of(other);
            if (output == other || own_len == 0 || other_len == 0) {
                continue;
            }
            if (!(now->in_place && output == INS && other == 1)) {
                overlap(output, other, 0);
            }
            if (own_len > 1) {
                overlap(output, other, 1);
            }
            overlap(output, other, own_len - 1 > 0 ? own_len - 1 : 0);
            if (other_len > 1) {
                overlap(output, other, -1);
                overlap(output, other, 1 - other_len);
            }
        }
    }
}

/* Functions that know of no context. */
static int without_context(const char *name)
{
    static const char *const names[] = {"emv_ac_response", "oda_verify", "ksn_split", "replay_new", "replay_check", "replay_accept",
        "ct_eq", "pan_check", "pan_mask"};
    size_t i;

    for (i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Inside the context, at its first and its last byte; the context stays as it is. */
static void in_context(void)
{
    static uint8_t before[sizeof here.memory];
    const size_t len = PAYHSM_CTX_SIZE(DEVICE_SLOTS, DEVICE_GROUPS);
    uint8_t *const memory = (uint8_t *)here.ctx;
    size_t which, place;

    for (which = 0; which < INS + OUTS; which++) {
        right();
        if (size_of(which) == 0) {
            continue;
        }
        for (place = 0; place < 4; place++) {
            size_t size;
            payhsm_status_t status;

            right();
            size = size_of(which);
            move(which, place == 0 ? memory : place == 1 ? memory + len / 2 : place == 2 ? memory + len - 1 : memory - size + 1);
            if (which == INS + 2 && now->out[2].form == PIN) {
                /* It would be wiped, and the context with it. */
                continue;
            }
            if (now->before != NULL) {
                now->before();
            }
            memcpy(before, here.memory, sizeof before);
            status = now->run();
            check_status(status, PAYHSM_ERR_OVERLAP, now->name, __FILE__, __LINE__);
            CHECK(memcmp(before, here.memory, sizeof before) == 0);
            p.out[0] = NULL;
            undo();
        }
    }
}

/* --- what ends in every case --------------------------------------------------------------------------------------- */

static void over(void)
{
    uint8_t mac[16], component[16] = {1};
    uint32_t key;
    payhsm_key_info_t info;
    payhsm_state_t state = {.size = sizeof state};
    size_t len;

    mac_making();
    CHECK_STATUS(payhsm_mac_finish(here.ctx, 16, mac, 15, &len), PAYHSM_ERR_BUFFER_TOO_SMALL);
    CHECK_STATUS(payhsm_mac_update(here.ctx, mac, 1), PAYHSM_ERR_BAD_STATE);
    mac_making();
    CHECK_STATUS(payhsm_mac_finish(here.ctx, 16, NULL, 16, &len), PAYHSM_ERR_NULL_POINTER);
    CHECK_STATUS(payhsm_mac_update(here.ctx, mac, 1), PAYHSM_ERR_BAD_STATE);
    mac_checking();
    CHECK_STATUS(payhsm_mac_finish_verify(here.ctx, NULL, 16), PAYHSM_ERR_NULL_POINTER);
    CHECK_STATUS(payhsm_mac_update(here.ctx, mac, 1), PAYHSM_ERR_BAD_STATE);

    ceremony();
    CHECK_STATUS(payhsm_component_add(here.ctx, 1, NULL, 16, NULL, 0), PAYHSM_ERR_NULL_POINTER);
    CHECK_OK(payhsm_state(here.ctx, &state));
    CHECK(state.state == PAYHSM_STATE_OPERATIONAL);
    ceremony();
    CHECK_STATUS(payhsm_component_add(here.ctx, 1, component, 16, NULL, 5), PAYHSM_ERR_NULL_POINTER);
    CHECK_OK(payhsm_state(here.ctx, &state));
    CHECK(state.state == PAYHSM_STATE_OPERATIONAL);
    full_ceremony();
    CHECK_STATUS(payhsm_component_finish(here.ctx, NULL, &info), PAYHSM_ERR_NULL_POINTER);
    CHECK_STATUS(payhsm_component_finish(here.ctx, &key, &info), PAYHSM_ERR_BAD_STATE);

    answered();
    CHECK_STATUS(payhsm_agreement_finish(here.ctx, NULL, &key, &info), PAYHSM_ERR_NULL_POINTER);
    CHECK_STATUS(payhsm_agreement_finish(here.ctx, ZEROS, &key, &info), PAYHSM_ERR_BAD_STATE);
}

/* --- callbacks that answer what no contract says ------------------------------------------------------------------- */

static int lie;

static payhsm_status_t lying_load(void *user, uint32_t id, uint8_t *out, size_t capacity, size_t *len)
{
    (void)user;
    (void)id;
    memset(out, 0x5A, capacity);
    *len = lie == 0 ? capacity + 1 : lie == 1 ? SIZE_MAX : lie == 2 ? capacity : 1;
    return 0;
}

static void answers(void)
{
    static const payhsm_status_t odd[] = {1, -1, 12345, PAYHSM_ERR_VERIFICATION_FAILED, -100, INT32_MIN, INT32_MAX};
    static device_t third;
    payhsm_config_t config;
    payhsm_key_info_t info;
    payhsm_state_t state = {.size = sizeof state};
    uint8_t ksn[PAYHSM_KSN_MAX_LEN];
    uint32_t handle;
    size_t i, len;

    for (i = 0; i < sizeof odd / sizeof *odd; i++) {
        here.entropy_answer = odd[i];
        CHECK_STATUS(payhsm_key_generate(here.ctx, &DATA_KEY, 16, &handle, &info), PAYHSM_ERR_ENTROPY);
        here.entropy_answer = 0;
        here.decide_answer = odd[i];
        CHECK_STATUS(payhsm_component_begin(here.ctx, &DATA_KEY, 16, 2, NULL, 0), PAYHSM_ERR_REFUSED);
        CHECK_STATUS(payhsm_dukpt_derive(here.ctx, own.bdk, KSN, sizeof KSN, &handle), PAYHSM_ERR_REFUSED);
        here.decide_answer = 0;
        there.save_answer = odd[i];
        CHECK_STATUS(payhsm_dukpt_begin(there.ctx, foreign.group, &handle, ksn, sizeof ksn, &len), PAYHSM_ERR_STORAGE);
        CHECK(handle == 0 && len == 0 && all_zero(ksn, sizeof ksn));
        there.save_answer = 0;
    }
    /* A storage that says more than there is place for, or nonsense: the module does not start as if it were empty. */
    for (lie = 0; lie < 4; lie++) {
        config = device_config(&third, 0);
        config.storage_load = lying_load;
        CHECK_OK(payhsm_init(device_memory(&third), PAYHSM_CTX_SIZE(DEVICE_SLOTS, DEVICE_GROUPS), &config, &third.ctx));
        CHECK_OK(payhsm_state(third.ctx, &state));
        CHECK(state.state == PAYHSM_STATE_TAMPERED);
        CHECK_OK(payhsm_close(third.ctx));
    }
}

/* --- starting ------------------------------------------------------------------------------------------------------ */

static void init_overlaps(void)
{
    static uint64_t area[(PAYHSM_CTX_SIZE(DEVICE_SLOTS, DEVICE_GROUPS) + 1024) / sizeof(uint64_t)];
    static uint64_t before[sizeof area / sizeof *area];
    const size_t len = PAYHSM_CTX_SIZE(DEVICE_SLOTS, DEVICE_GROUPS);
    payhsm_config_t config = device_config(&here, 0), *inside;
    uint8_t *memory = (uint8_t *)area;
    payhsm_ctx_t *ctx[PAYHSM_STORAGE_KEY_LEN / sizeof(payhsm_ctx_t *)] = {NULL};
    size_t i;

    while ((uintptr_t)memory % PAYHSM_CTX_ALIGN != 0) {
        memory++;
    }
    /* The handle of the context in its memory. */
    for (i = 0; i < 3; i++) {
        uint8_t *place = i == 0 ? memory : i == 1 ? memory + 1024 : memory + len - sizeof *ctx;

        memset(area, 0x33, sizeof area);
        memcpy(before, area, sizeof area);
        CHECK_STATUS(payhsm_init(memory, len, &config, (payhsm_ctx_t **)(void *)place), PAYHSM_ERR_OVERLAP);
        CHECK(memcmp(before, area, sizeof area) == 0);
    }
    /* The configuration, and the storage key that it names. */
    inside = (payhsm_config_t *)(void *)(memory + 512);
    memcpy(inside, &config, sizeof config);
    memcpy(before, area, sizeof area);
    CHECK_STATUS(payhsm_init(memory, len, inside, ctx), PAYHSM_ERR_OVERLAP);
    CHECK_STATUS(payhsm_init(memory + 1008, len, inside, (payhsm_ctx_t **)(void *)&inside->user), PAYHSM_ERR_OVERLAP);
    config.storage_key = memory + len - 1;
    CHECK_STATUS(payhsm_init(memory, len, &config, ctx), PAYHSM_ERR_OVERLAP);
    config.storage_key = (const uint8_t *)ctx;
    CHECK_STATUS(payhsm_init(memory, len, &config, &ctx[1]), PAYHSM_ERR_OVERLAP);
    CHECK(memcmp(before, area, sizeof area) == 0 && all_zero(ctx, sizeof ctx));
}

int main(void)
{
    uint32_t stale_key, stale_transaction;
    size_t i;

    for (i = 0; i < INS; i++) {
        in_memory[i] = guarded(FAR, 0);
    }
    for (i = 0; i < OUTS; i++) {
        out_memory[i] = guarded(FAR, 0);
    }
    fill(&there, &foreign);
    card_make();
    fill(&here, &own);
    stale_transaction = own.transaction;
    another_transaction();
    stale_key = make(&here, "D0", 'A', 'B', 'N');
    CHECK_OK(payhsm_key_erase(here.ctx, stale_key));

    init_overlaps();
    answers();
    over();
    for (i = 0; i < CALL_COUNT; i++) {
        now = &CALLS[i];
        if (!without_context(now->name)) {
            in_context();
        }
        overlaps();
        nulls();
        lengths();
        alignments();
        handles(stale_key, stale_transaction);
    }
    /* And nothing of this has changed anything: the right calls still are right. */
    for (i = 0; i < CALL_COUNT; i++) {
        now = &CALLS[i];
        if (now->handle[0] == &own.transaction) {
            another_transaction();
        }
        right();
        expect(now->good, "right call", 0);
        if (now->run == run_key_erase) {
            own.data = make(&here, "D0", 'A', 'B', 'N');
        }
    }
    CHECK_OK(payhsm_close(here.ctx));
    CHECK_OK(payhsm_close(there.ctx));
    return check_end("pointers");
}
