#include "tarx/placed.h"
#include "tests/lib/tap.h"

#include <stdio.h>

int main(void)
{
	struct tarx_placed placed = { 0 };
	size_t right = 0, wrong = 0;
	char path[64];

	tap_ok(!tarx_placed_has(&placed, "a") && !tarx_placed_leads(&placed, ""),
	       "nothing was restored at first");
	tarx_placed_add(&placed, "a/b/c");
	tap_ok(tarx_placed_has(&placed, "a/b/c"), "what was restored is known");
	tap_ok(!tarx_placed_has(&placed, "a/b") && !tarx_placed_has(&placed, "a"),
	       "the directories above it were not restored themselves");
	tap_ok(tarx_placed_leads(&placed, "a/b") && tarx_placed_leads(&placed, "a") &&
		       tarx_placed_leads(&placed, "") && tarx_placed_leads(&placed, "a/b/c"),
	       "but they lead to it");
	tap_ok(!tarx_placed_leads(&placed, "a/b/c/d") && !tarx_placed_leads(&placed, "a/bc") &&
		       !tarx_placed_leads(&placed, "b"),
	       "others do not");
	tarx_placed_add(&placed, "");
	tap_ok(tarx_placed_has(&placed, ""), "the target itself can be restored");
	for (int i = 0; i < 20000; i++) {
		snprintf(path, sizeof(path), "dir%d/sub/file%d", i % 100, i);
		tarx_placed_add(&placed, path);
	}
	for (int i = 0; i < 20000; i++) {
		snprintf(path, sizeof(path), "dir%d/sub/file%d", i % 100, i);
		right += tarx_placed_has(&placed, path);
		snprintf(path, sizeof(path), "dir%d/sub/file%d", (i + 1) % 100, i);
		wrong += tarx_placed_leads(&placed, path);
	}
	tap_number((long long)right, 20000, "each of many is known");
	tap_number((long long)wrong, 0, "and none that was not restored");
	tap_ok(tarx_placed_leads(&placed, "dir99/sub") && !tarx_placed_leads(&placed, "dir100/sub"),
	       "nor a directory that leads to none");
	right = wrong = 0;
	for (int i = 0; i < 20000; i += 2) {
		snprintf(path, sizeof(path), "dir%d/sub/file%d", i % 100, i);
		tarx_placed_remove(&placed, path);
		tarx_placed_remove(&placed, path);
	}
	for (int i = 0; i < 20000; i++) {
		snprintf(path, sizeof(path), "dir%d/sub/file%d", i % 100, i);
		*(tarx_placed_has(&placed, path) ? &right : &wrong) += i % 2 ? 1 : 20000;
	}
	tap_number((long long)right, 10000, "of those half is forgotten: the others are known");
	tap_number((long long)wrong, 10000ll * 20000, "and they are not");
	tarx_placed_release(&placed);
	return tap_done();
}
