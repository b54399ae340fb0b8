/* What the bar says. */
#include "tarx/progress.h"
#include "tests/lib/tap.h"

#include <stdint.h>
#include <string.h>

static const struct {
	const char *name;
	size_t width;
	struct tarx_progress_facts facts;
	const char *want;
} lines[] = {
	{ "nothing yet", 80, { 0 }, "0 files  0:00" },
	{ "no end known",
	  80,
	  { .bytes = 1234567890, .members = 42, .seconds = 2 },
	  "1.2 GB  42 files  617 MB/s  0:02" },
	{ "one file",
	  80,
	  { .bytes = 999, .members = 1, .seconds = 1 },
	  "999 B  1 file  999 B/s  0:01" },
	{ "units change at 1000",
	  80,
	  { .bytes = 999999, .members = 2, .seconds = 1000 },
	  "1.0 MB  2 files  1.0 kB/s  16:40" },
	{ "an end known",
	  80,
	  { .bytes = 500000000, .members = 7, .seconds = 10, .at = 250, .total = 1000 },
	  "[#########...........................]  25%  500 MB  7 files  50 MB/s  0:30 left" },
	{ "a narrow terminal has a short bar",
	  60,
	  { .bytes = 500000000, .members = 7, .seconds = 10, .at = 250, .total = 1000 },
	  "[####............]  25%  500 MB  7 files  50 MB/s  0:30 left" },
	{ "a narrower one none",
	  50,
	  { .bytes = 500000000, .members = 7, .seconds = 10, .at = 250, .total = 1000 },
	  " 25%  500 MB  7 files  50 MB/s  0:30 left" },
	{ "then fewer words",
	  32,
	  { .bytes = 500000000, .members = 7, .seconds = 10, .at = 250, .total = 1000 },
	  " 25%  500 MB  7 files  50 MB/s" },
	{ "then hardly any",
	  10,
	  { .bytes = 500000000, .members = 7, .seconds = 10, .at = 250, .total = 1000 },
	  " 25%" },
	{ "nothing fits", 2, { .members = 1, .total = 10 }, "" },
	{ "a wide one has no endless bar",
	  200,
	  { .bytes = 1, .members = 1, .seconds = 1, .at = 10, .total = 10 },
	  "[######################################] 100%  1 B  1 file  1 B/s  0:00 left" },
	{ "more than all is all",
	  60,
	  { .members = 1, .seconds = 1, .at = 30, .total = 10 },
	  "[##################################] 100%  1 file  0:00 left" },
	{ "hours",
	  80,
	  { .bytes = 1, .members = 1, .seconds = 7384, .at = 5, .total = 10 },
	  "[###################...................]  50%  1 B  1 file  0 B/s  2:03:04 left" },
	{ "numbers of any size",
	  80,
	  { .bytes = UINT64_MAX,
	    .members = UINT64_MAX,
	    .seconds = 1e-9,
	    .at = 1,
	    .total = UINT64_MAX },
	  "  0%  18 EB  18446744073709551615 files  18446744074 EB/s  277777:46:40 left" },
};

int main(void)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		char text[256];

		memset(text, '!', sizeof(text));
		tarx_progress_line(text, sizeof(text), lines[i].width, &lines[i].facts);
		tap_string(text, lines[i].want, "%s", lines[i].name);
		tap_ok(strlen(text) <= lines[i].width, "%s: not too wide", lines[i].name);
	}
	return tap_done();
}
