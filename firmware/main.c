/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The image: the published vectors, then the terminal's side of two sales, then what it cost. */
#include "board.h"
#include "terminal.h"

int main(void) {
    int status;
    if (payhsm_abi_version() != PAYHSM_ABI_VERSION) {
        board_write("FAILED: the header is not the library's\n");
        return 1;
    }
    status = play_vectors();
    play_sales();
    report_stack();
    return status;
}
