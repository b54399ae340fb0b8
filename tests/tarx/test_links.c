#include "tarx/links.h"
#include "tests/lib/tap.h"

#include <stdio.h>
#include <string.h>

static const char *find(const struct tarx_links *links, unsigned int dev, unsigned int ino)
{
	struct stat st = { .st_dev = dev, .st_ino = ino };

	return tarx_links_find(links, &st);
}

static void remember(struct tarx_links *links, unsigned int dev, unsigned int ino, const char *path)
{
	struct stat st = { .st_dev = dev, .st_ino = ino };

	tarx_links_remember(links, &st, path, path);
}

static void test_found(void)
{
	struct tarx_links links = { 0 };

	tap_string(find(&links, 1, 10), NULL, "where nothing was stored nothing is found");
	tarx_links_forget(&links, "a");
	remember(&links, 1, 10, "a");
	tap_string(find(&links, 1, 10), "a", "an inode that was stored is found under its path");
	tap_string(find(&links, 1, 10), "a", "and again");
	tap_string(find(&links, 3, 10), NULL, "the same number on another device is another inode");
	remember(&links, 3, 10, "d");
	tap_string(find(&links, 3, 10), "d", "which has its own path");
	tap_string(find(&links, 1, 10), "a", "and the first one is not forgotten");
	tap_string(find(&links, 1, 11), NULL, "another number is another inode");
	remember(&links, 0, 0, "h");
	tap_string(find(&links, 0, 0), "h", "numbers of all zeros are numbers");
	remember(&links, 4, 4, "");
	tap_string(find(&links, 4, 4), "", "an empty path is a path");
	tarx_links_release(&links);
	tap_string(find(&links, 1, 10), NULL, "after the release nothing is known");
	tarx_links_forget(&links, "a");
	tarx_links_release(&links);
}

static void test_forgotten(void)
{
	struct tarx_links links = { 0 };

	remember(&links, 1, 1, "a");
	remember(&links, 1, 2, "b");
	tarx_links_forget(&links, "none");
	tap_string(find(&links, 1, 1), "a", "a member of a new path changes nothing");
	tarx_links_forget(&links, "a");
	tap_string(find(&links, 1, 1), NULL, "nothing is linked to a path that was stored anew");
	tap_string(find(&links, 1, 2), "b", "other paths are not concerned");
	tarx_links_forget(&links, "a");
	remember(&links, 1, 3, "a");
	tap_string(find(&links, 1, 3), "a", "what is stored there then can be linked to");
	remember(&links, 1, 1, "c");
	tap_string(find(&links, 1, 1), "c", "and the forgotten inode under its next path");
	tarx_links_release(&links);
}

static void test_borrowed(void)
{
	struct tarx_links links = { 0 };
	char path[] = "path";

	remember(&links, 1, 1, path);
	strcpy(path, "xxxx");
	tap_string(find(&links, 1, 1), "path", "the caller's string may change afterwards");
	tarx_links_release(&links);
}

#define MANY 20000u

/* Numbers that differ by powers of two only, which a poor hash would put in one place; every third
 * is forgotten again. */
static void test_many(void)
{
	struct tarx_links links = { 0 };
	int early = 0, wrong = 0, kept = 0;
	char path[32];

	for (unsigned int i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "path/%u", i);
		early += find(&links, i % 3, i << 8) != NULL;
		remember(&links, i % 3, i << 8, path);
	}
	for (unsigned int i = 0; i < MANY; i += 3) {
		snprintf(path, sizeof(path), "path/%u", i);
		tarx_links_forget(&links, path);
	}
	for (unsigned int i = 0; i < MANY; i++) {
		const char *got = find(&links, i % 3, i << 8);

		snprintf(path, sizeof(path), "path/%u", i);
		wrong += i % 3 ? !got || strcmp(got, path) : got != NULL;
		kept += got != NULL;
	}
	tap_number(early, 0, "of twenty thousand inodes each is new");
	tap_number(wrong, 0, "and each is found under its own path, but for the forgotten ones");
	tap_number(kept, MANY - (MANY + 2) / 3, "which were every third");
	tarx_links_release(&links);
}

int main(void)
{
	test_found();
	test_forgotten();
	test_borrowed();
	test_many();
	return tap_done();
}
