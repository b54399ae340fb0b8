#include "align/behind.h"
#include "tests/align/room.h"
#include "tests/lib/tap.h"

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define JOBS 3000

struct number {
	uint32_t asked, answer;
	unsigned int times; /* how often it was done */
};

struct book {
	uint32_t heard; /* answers so far */
	int wrong; /* answers that are wrong, or not the next one */
	int ends; /* jobs that were given back */
};

static struct book book;

static uint32_t answer_to(uint32_t asked)
{
	return asked * 2654435761u + 1;
}

/* Some take longer than others. */
static void work(void *hand, void *job)
{
	struct number *number = job;
	unsigned int *mine = hand;

	for (uint32_t i = number->asked * 7919u % 13u; i > 10; i--)
		sched_yield();
	number->answer = answer_to(number->asked);
	number->times++;
	++*mine;
}

static void check(struct book *in, const struct number *number)
{
	in->wrong += number->asked != in->heard || number->answer != answer_to(number->asked) ||
		     number->times != 1;
	in->heard++;
}

static void done(void *data, void *job)
{
	check(data, job);
}

static void end(void *job)
{
	(void)job;
	book.ends++;
}

/* Gives out so many jobs, and settles after each EVERY of them. Returns how many were put off; *DONE becomes how many
 * were done by all hands. */
static uint32_t give_out(unsigned int threads, uint32_t jobs, uint32_t every, unsigned int *all)
{
	unsigned int hands[ALIGN_CREW_MOST] = { 0 };
	struct align_behind behind;
	uint32_t put_off = 0;

	memset(&book, 0, sizeof(book));
	align_behind_open(&behind);
	behind.threads = threads;
	behind.batch = 1 + jobs % 8;
	behind.job_size = sizeof(struct number);
	behind.work = work;
	behind.done = done;
	behind.data = &book;
	for (unsigned int i = 0; i < ALIGN_CREW_MOST; i++)
		behind.hands[i] = &hands[i];
	for (uint32_t i = 0; i < jobs; i++) {
		struct number *number = align_behind_take(&behind);

		must(number, "take");
		*number = (struct number){ .asked = i };
		if (align_behind_give(&behind))
			put_off++;
		else
			check(&book, number);
		if (i % every == every - 1) {
			align_behind_settle(&behind);
			book.wrong += align_behind_has_some(&behind) || book.heard != i + 1;
		}
	}
	align_behind_release(&behind, end);
	*all = 0;
	for (unsigned int i = 0; i < ALIGN_CREW_MOST; i++)
		*all += hands[i];
	return put_off;
}

static void test(unsigned int threads, uint32_t jobs, uint32_t every, bool few)
{
	unsigned int all;
	uint32_t put_off = give_out(threads, jobs, every, &all);

	tap_number((long)all, (long)jobs, "%u threads, %u jobs, settled after %u: each is done",
		   threads, jobs, every);
	tap_number((long)book.heard, (long)jobs, "and heard of");
	tap_number(book.wrong, 0, "once, in order");
	tap_ok(threads > 1 && jobs > 100 && !few ? put_off > jobs - 100 : put_off == 0,
	       "%u of them were put off", put_off);
	tap_ok(jobs == 0 ? book.ends == 0 : book.ends > 0, "memory is given back");
}

int main(void)
{
	struct rlimit before, few;

	for (unsigned int threads = 1; threads <= ALIGN_CREW_MOST; threads *= 2) {
		test(threads, JOBS, JOBS, false);
		test(threads, JOBS - 3, 5, false);
		test(threads, 500, 1, false);
	}
	test(4, 0, 1, false);
	test(4, 3, 2, false);
	must(getrlimit(RLIMIT_NOFILE, &before) == 0, "getrlimit");
	for (rlim_t limit = 8; limit <= 128; limit *= 2) {
		few = before;
		few.rlim_cur = limit;
		must(setrlimit(RLIMIT_NOFILE, &few) == 0, "setrlimit");
		test(3, JOBS, 100, limit < 64);
	}
	must(setrlimit(RLIMIT_NOFILE, &before) == 0, "setrlimit");
	return tap_done();
}
