/* "Total bytes written: ...", as GNU tar says it. */
#ifndef TARX_TOTALS_H
#define TARX_TOTALS_H

#include "tarx/report.h"

#define TARX_TOTALS_ROOM 16

/* BYTES in at most three digits and a unit: "10KiB", "9.8KiB". Pure. Larger numbers are rounded up. */
void tarx_totals_amount(char out[TARX_TOTALS_ROOM], double bytes);

/* Says how long the archive is, and how fast it was written or read. */
void tarx_totals_tell(const struct tarx_report *report);

#endif
