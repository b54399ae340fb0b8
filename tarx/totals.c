#include "tarx/totals.h"

#include <inttypes.h>
#include <stdio.h>

static uint64_t rounded_up(double x)
{
	uint64_t whole = (uint64_t)x;

	return whole + ((double)whole < x);
}

void tarx_totals_amount(char out[TARX_TOTALS_ROOM], double bytes)
{
	static const char units[] = " KMGTPEZY";
	size_t unit = 0;
	uint64_t tenths;

	while (bytes >= 1024 && units[unit + 1]) {
		bytes /= 1024;
		unit++;
	}
	tenths = rounded_up(bytes * 10);
	if (unit > 0 && tenths < 100)
		snprintf(out, TARX_TOTALS_ROOM, "%d.%d%ciB", (int)(tenths / 10), (int)(tenths % 10),
			 units[unit]);
	else if (rounded_up(bytes) == 1024 && units[unit + 1])
		snprintf(out, TARX_TOTALS_ROOM, "1.0%ciB", units[unit + 1]);
	else if (unit > 0)
		snprintf(out, TARX_TOTALS_ROOM, "%d%ciB", (int)rounded_up(bytes), units[unit]);
	else
		snprintf(out, TARX_TOTALS_ROOM, "%dB", (int)rounded_up(bytes));
}

void tarx_totals_tell(const struct tarx_report *report)
{
	char amount[TARX_TOTALS_ROOM], speed[TARX_TOTALS_ROOM] = "?B";
	bool writes = report->opts->mode & (TARX_CREATE | TARX_APPEND | TARX_REALIGN);
	uint64_t bytes = writes ? report->archive_bytes : report->tar_bytes;
	struct timespec now;
	double seconds;

	clock_gettime(CLOCK_MONOTONIC, &now);
	seconds = (double)(now.tv_sec - report->start.tv_sec) +
		  (double)(now.tv_nsec - report->start.tv_nsec) / 1e9;
	tarx_totals_amount(amount, (double)bytes);
	if (seconds > 0)
		tarx_totals_amount(speed, (double)bytes / seconds);
	fprintf(stderr, "Total bytes %s: %" PRIu64 " (%s, %s/s)\n", writes ? "written" : "read",
		bytes, amount, speed);
}
