/* A few threads that work beside the one who starts them. */
#ifndef ALIGN_CREW_H
#define ALIGN_CREW_H

#include <pthread.h>
#include <stddef.h>

#define ALIGN_CREW_MOST 16u /* that work at once, with the one who starts them */

struct align_crew {
	pthread_t ids[ALIGN_CREW_MOST];
	unsigned int started;
};

/* Starts THREADS less one, or as many of them as can be had; each does RUN(owner, hand), the hands being those from the
 * second on. Signals stay with those who wait for them. */
void align_crew_start(struct align_crew *crew, unsigned int threads,
		      void (*run)(void *owner, void *hand), void *owner, void *const *hands);

/* Returns when each of them has returned. */
void align_crew_join(struct align_crew *crew);

/* How many things that have descriptors may be in hand at once, MOST at most: an eighth of the descriptors that this
 * process is allowed. */
size_t align_crew_room(size_t most);

#endif
