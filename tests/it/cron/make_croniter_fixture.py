"""Writes croniter.txt: random expressions, starting points, and the next four fires as croniter finds them.

    pip install croniter && python3 make_croniter_fixture.py > croniter.txt

croniter is a cron for Python that shares no code with ours. A field that holds every value is written `*`, because the two
disagree on whether `*/1` restricts a day field. Times are in UTC; the zones have tests of their own.
"""

import random
from datetime import datetime, timedelta, timezone

from croniter import CroniterBadDateError, croniter

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAYS = "sun mon tue wed thu fri sat".split()
FIELDS = [(0, 59, None), (0, 23, None), (1, 31, None), (1, 12, MONTHS), (0, 6, DAYS)]


def item(first, last, names):
    low = random.randint(first, last)
    high = random.randint(low, last)
    step = random.randint(2, last - first + 1)
    write = lambda value: names[value - first] if names and random.random() < 0.5 else str(value)
    kind = random.randrange(4)
    if kind == 0:
        return f"*/{step}", set(range(first, last + 1, step))
    if kind == 1 and low < high:
        return f"{write(low)}-{write(high)}", set(range(low, high + 1))
    if kind == 2 and low < high:
        return f"{low}-{high}/{step}", set(range(low, high + 1, step))
    return write(low), {low}


def field(first, last, names):
    if random.random() < 0.35:
        return "*"
    texts, values = zip(*(item(first, last, names) for _ in range(random.randint(1, 3))))
    return "*" if len(set().union(*values)) == last - first + 1 else ",".join(texts)


def start():
    year = random.randint(1975, 2085)
    month, day = random.choice([(2, 28), (3, 1), (12, 31), (4, 30), (random.randint(1, 12), 15)])
    midnight = datetime(year, month, day, tzinfo=timezone.utc)
    return midnight + timedelta(seconds=random.randint(-172800, 172800))


def main():
    random.seed(20261124)
    written = 0
    while written < 1500:
        expression, after = " ".join(field(*bounds) for bounds in FIELDS), start()
        try:
            fires = croniter(expression, after)
            times = [fires.get_next(datetime) for _ in range(4)]
        except CroniterBadDateError:
            continue
        print(expression, *(time.strftime("%Y-%m-%dT%H:%M:%SZ") for time in [after, *times]), sep="|")
        written += 1


main()
