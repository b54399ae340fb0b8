#include "tarx/totals.h"
#include "tests/lib/tap.h"

/* As GNU tar's --totals shows them. */
static const struct {
	double bytes;
	const char *want;
} rows[] = {
	{ 0, "0B" },           { 1, "1B" },           { 512, "512B" },      { 1023, "1023B" },
	{ 1024, "1.0KiB" },    { 10240, "10KiB" },    { 10239, "10KiB" },   { 5120, "5.0KiB" },
	{ 1537, "1.6KiB" },    { 102400, "100KiB" },  { 102401, "101KiB" }, { 1048575, "1.0MiB" },
	{ 2048000, "2.0MiB" }, { 10485760, "10MiB" }, { 1e12, "932GiB" },   { 1e15, "910TiB" },
	{ 0.5, "1B" },
};

int main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[TARX_TOTALS_ROOM];

		tarx_totals_amount(text, rows[i].bytes);
		tap_string(text, rows[i].want, "%.1f bytes are %s", rows[i].bytes, rows[i].want);
	}
	return tap_done();
}
