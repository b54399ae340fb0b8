#include "align/ahead.h"
#include "align/cleanup.h"
#include "align/io.h"
#include "tests/align/room.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define DIRS  30
#define FILES 20

static void make_tree(void)
{
	char path[64];

	must(mkdir("t", 0755) == 0, "mkdir");
	for (int d = 0; d < DIRS; d++) {
		snprintf(path, sizeof(path), "t/%02d", d);
		must(mkdir(path, 0755) == 0, "mkdir");
		snprintf(path, sizeof(path), "t/%02d/deep", d);
		must(mkdir(path, 0755) == 0, "mkdir");
		for (int f = 0; f < FILES; f++) {
			snprintf(path, sizeof(path), "t/%02d/%sfile-%02d", d, f % 2 ? "deep/" : "",
				 f);
			room_write(path, path);
		}
	}
	must(symlink("nowhere", "t/07/link") == 0 && mkfifo("t/08/fifo", 0644) == 0, "links");
}

/* ------------------------------------------------------------------ a walk as text */

/* What the file says, which is its path. */
static const void *read_file(void *hand, struct align_node *node, struct tx_arena *arena)
{
	atomic_uint *looks = hand;
	char *text = tx_arena_take(arena, 64);
	ssize_t n = S_ISREG(node->st.st_mode) ? tx_read_at(node->fd, text, 63, 0) : 0;

	atomic_fetch_add(looks, 1);
	text[n > 0 ? n : 0] = '\0';
	if (S_ISREG(node->st.st_mode))
		tx_fd_release(&node->fd);
	return text;
}

struct story {
	char text[65536];
	size_t used;
	int wrong; /* nodes that are not what they should be */
};

static void check(struct story *story, const struct align_node *node)
{
	struct stat st;

	if (node->error)
		return;
	story->wrong += lstat(node->path, &st) < 0 || st.st_ino != node->st.st_ino;
	story->wrong += S_ISREG(st.st_mode) && (strcmp(node->found, node->path) || node->fd >= 0);
	story->wrong += S_ISDIR(st.st_mode) &&
			(fstat(node->fd, &st) < 0 || st.st_ino != node->st.st_ino);
	story->wrong += strcmp(node->path, "t") &&
			(fstatat(node->dirfd, node->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			 st.st_ino != node->st.st_ino);
}

/* Walks with so many THREADS, passes by what is in directories whose path holds SKIP, and gives up after
 * MOST nodes. */
static int walk(struct story *story, unsigned int threads, const char *skip, int most)
{
	struct align_ahead ahead;
	struct align_node node;
	struct tx_err err;
	atomic_uint looks[ALIGN_CREW_MOST] = { 0 };
	int r = align_ahead_open(&ahead, AT_FDCWD, "t", "t", &err);

	memset(story, 0, sizeof(*story));
	ahead.threads = threads;
	ahead.look = read_file;
	for (unsigned int i = 0; i < threads; i++)
		ahead.hands[i] = &looks[i];
	while (r == 0 && most-- > 0 && (r = align_ahead_next(&ahead, &node, &err)) > 0) {
		story->used += (size_t)snprintf(
			story->text + story->used, sizeof(story->text) - story->used, "%s%s%s\n",
			node.path, node.error ? ": " : "", node.error ? err.text : "");
		check(story, &node);
		if (skip && S_ISDIR(node.st.st_mode) && strstr(node.path, skip))
			align_ahead_skip(&ahead);
		r = 0;
	}
	align_ahead_release(&ahead);
	return r;
}

static int open_descriptors(void)
{
	return (int)room_count("/proc/self/fd");
}

/* ------------------------------------------------------------------ the promises */

static void test_same(const char *what, const char *skip, size_t lines)
{
	struct story *alone = malloc(sizeof(*alone)), *many = malloc(sizeof(*many));
	size_t count = 0;

	must(alone && many, "malloc");
	tap_number(walk(alone, 1, skip, INT32_MAX), 0, "%s: alone", what);
	for (const char *at = alone->text; (at = strchr(at, '\n')); at++)
		count++;
	tap_number((long)count, (long)lines, "%s: alone: so many nodes", what);
	for (unsigned int threads = 2; threads <= 16; threads *= 2) {
		int before = open_descriptors(), faults = 0;

		for (int run = 0; run < 10; run++)
			faults += walk(many, threads, skip, INT32_MAX) != 0 || many->wrong ||
				  strcmp(many->text, alone->text);
		tap_number(faults, 0, "%s: %u threads give the same", what, threads);
		tap_number(open_descriptors(), before, "%s: and leave no descriptor", what);
	}
	free(alone);
	free(many);
}

static void test_given_up(void)
{
	struct story *story = malloc(sizeof(*story));
	int before = open_descriptors();

	must(story, "malloc");
	for (int most = 1; most < 200; most += 7)
		walk(story, 4, NULL, most);
	tap_number(open_descriptors(), before, "a walk that is given up leaves no descriptor");
	free(story);
}

static void test_few_descriptors(void)
{
	struct rlimit before, few;

	must(getrlimit(RLIMIT_NOFILE, &before) == 0, "getrlimit");
	few = before;
	few.rlim_cur = 40;
	must(setrlimit(RLIMIT_NOFILE, &few) == 0, "setrlimit");
	test_same("with 40 descriptors", NULL, 1 + DIRS * (2 + FILES) + 2);
	must(setrlimit(RLIMIT_NOFILE, &before) == 0, "setrlimit");
}

int main(void)
{
	room_open();
	make_tree();
	test_same("all", NULL, 1 + DIRS * (2 + FILES) + 2);
	test_same("without what is deep", "deep", 1 + DIRS * (2 + FILES / 2) + 2);
	test_same("without ten directories", "t/1", 1 + DIRS * (2 + FILES) + 2 - 10 * (1 + FILES));
	test_same("nothing but the root", "t", 1);
	test_given_up();
	test_few_descriptors();
	room_close();
	return tap_done();
}
