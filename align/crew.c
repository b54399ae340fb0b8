#include "align/crew.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>

struct start {
	void (*run)(void *owner, void *hand);
	void *owner, *hand;
};

static void *run_one(void *data)
{
	struct start start = *(struct start *)data;

	free(data);
	start.run(start.owner, start.hand);
	return NULL;
}

static bool start_one(struct align_crew *crew, const struct start *start)
{
	struct start *copy = malloc(sizeof(*copy));

	if (!copy)
		return false;
	*copy = *start;
	if (pthread_create(&crew->ids[crew->started], NULL, run_one, copy) == 0) {
		crew->started++;
		return true;
	}
	free(copy);
	return false;
}

void align_crew_start(struct align_crew *crew, unsigned int threads,
		      void (*run)(void *owner, void *hand), void *owner, void *const *hands)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned int i = 1; i < threads; i++)
		if (!start_one(crew, &(struct start){ run, owner, hands[i] }))
			break;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void align_crew_join(struct align_crew *crew)
{
	for (unsigned int i = 0; i < crew->started; i++)
		pthread_join(crew->ids[i], NULL);
	crew->started = 0;
}

size_t align_crew_room(size_t most)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / 8 >= most)
		return most;
	return (size_t)limit.rlim_cur / 8;
}
