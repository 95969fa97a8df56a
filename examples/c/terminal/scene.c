/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "scene.h"

#include <string.h>

const char PAN[] = "4111111111111111";
const uint8_t AMOUNT[AMOUNT_LEN] = {0x00, 0x00, 0x00, 0x00, 0x42, 0x00};

terminal_t terminal;
size_t change_at;
int line_is_down;

/* The line itself: each image has its own. */
int line_exchange(const message_t *request, message_t *response);

int link_exchange(const message_t *request, message_t *response)
{
    memset(response, 0, sizeof *response);
    if (line_is_down || line_exchange(request, response) != 0) {
        memset(response, 0, sizeof *response);
        return 1;
    }
    if (change_at != 0 && change_at <= response->len) {
        uint8_t *byte = &response->bytes[response->len - change_at];

        /* Another hexadecimal digit where it was one. */
        *byte = *byte == '0' ? '1' : '0';
        change_at = 0;
    }
    return 0;
}

void check(int condition, const char *what)
{
    out_text(condition ? "ok    " : "WRONG ");
    out_text(what);
    out_text("\n");
    if (!condition) {
        out_stop(what);
    }
}

void must(payhsm_status_t got, payhsm_status_t want, const char *what)
{
    if (got != want) {
        out_text("      ");
        out_text(payhsm_status_text(got));
        out_text("\n");
    }
    check(got == want, what);
}

uint32_t state(void)
{
    payhsm_state_t now;

    memset(&now, 0, sizeof now);
    now.size = sizeof now;
    if (payhsm_state(terminal.hsm, &now) != PAYHSM_OK) {
        out_stop("the state is not told");
    }
    return now.state;
}

/* The next customer, half a minute later. */
payhsm_status_t sale(const char *digits, uint8_t *result)
{
    payhsm_pin_t pin = platform_keypad(digits);

    platform_wait(30);
    return terminal_sale(&terminal, PAN, AMOUNT, &pin, result);
}

void they_log_in(const uint32_t *users, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        must(terminal_log_in(&terminal, users[i]), PAYHSM_OK, "somebody logs in");
    }
}

void the_log_is_read(void)
{
    uint8_t result;

    must(terminal_log(&terminal, &result), PAYHSM_OK, "the log is read out");
    check(result == RESULT_APPROVED, "and verified by its reader, away from the terminal, up to its end");
    check(terminal_log_room(&terminal) >= PLATFORM_LOG - 2, "there is room for new records");
}
