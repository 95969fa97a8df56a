/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "text.h"

void text_begin(text_t *text) {
    text->len = 0;
    text->line[0] = '\0';
}

void text_put(text_t *text, const char *string) {
    while (*string != '\0' && text->len < TEXT_MAX) {
        text->line[text->len++] = *string++;
    }
    text->line[text->len] = '\0';
}

void text_put_amount(text_t *text, uint64_t amount) {
    /* 20 digits of a 64-bit number, the point, the end. */
    char digits[22];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    for (unsigned place = 0; place < 3 || amount > 0; place++) {
        if (place == 2) {
            digits[--at] = '.';
        }
        digits[--at] = (char)('0' + amount % 10);
        amount /= 10;
    }
    text_put(text, digits + at);
}
