#include "align/block.h"
#include "tests/lib/tap.h"

#include <inttypes.h>
#include <stddef.h>

#define TOP ((uint64_t)1 << 63)

static const struct {
	const char *promise;
	uint64_t n, block, down, up, gap;
} table[] = {
	{ "nothing", 0, 4096, 0, 0, 0 },
	{ "one byte", 1, 4096, 0, 4096, 4095 },
	{ "a byte short of a block", 4095, 4096, 0, 4096, 1 },
	{ "a block", 4096, 4096, 4096, 4096, 0 },
	{ "a byte more than a block", 4097, 4096, 4096, 8192, 4095 },
	{ "two blocks", 8192, 4096, 8192, 8192, 0 },
	{ "a tar block", 512, 512, 512, 512, 0 },
	{ "a tar block in a file's block", 512, 4096, 0, 4096, 3584 },
	{ "blocks of one byte", 12345, 1, 12345, 12345, 0 },
	{ "a byte short of 64K", 65535, 65536, 0, 65536, 1 },
	{ "a byte more than 64K", 65537, 65536, 65536, 131072, 65535 },
	{ "more than 32 bits hold", 0x100000001, 4096, 0x100000000, 0x100001000, 4095 },
	{ "the largest file", INT64_MAX, 4096, TOP - 4096, TOP, 1 },
	{ "the topmost bit", TOP, 1 << 20, TOP, TOP, 0 },
	{ "the last block below 2^64", UINT64_MAX - 4095, 4096, UINT64_MAX - 4095,
	  UINT64_MAX - 4095, 0 },
	{ "a block of 2^32", 0x123456789, (uint64_t)1 << 32, 0x100000000, 0x200000000, 0xDCBA9877 },
};

static const struct {
	uint64_t n;
	bool is;
} powers[] = {
	{ 0, false },  { 1, true },        { 2, true },           { 3, false },
	{ 512, true }, { 513, false },     { 4095, false },       { 4096, true },
	{ TOP, true }, { TOP + 1, false }, { UINT64_MAX, false }, { 0x100000000, true },
};

int main(void)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		uint64_t n = table[i].n, block = table[i].block;

		tap_number((long long)align_down(n, block), (long long)table[i].down,
			   "%s: align_down() is the multiple at or below", table[i].promise);
		tap_number((long long)align_up(n, block), (long long)table[i].up,
			   "%s: align_up() is the multiple at or above", table[i].promise);
		tap_number((long long)align_gap(n, block), (long long)table[i].gap,
			   "%s: align_gap() is what is missing", table[i].promise);
	}
	tap_number((long long)align_gap(UINT64_MAX, 4096), 1,
		   "the gap is right even where the multiple is 2^64");
	for (size_t i = 0; i < sizeof(powers) / sizeof(*powers); i++)
		tap_ok(align_is_power_of_two(powers[i].n) == powers[i].is,
		       "%" PRIu64 " is %s power of two", powers[i].n, powers[i].is ? "a" : "no");
	return tap_done();
}
