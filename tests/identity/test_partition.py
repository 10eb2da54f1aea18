"""Components by hand, and that only the set of decisions counts."""

from hypothesis import given
from hypothesis import strategies as st

from customers.identity.partition import Components, partition

NODES = st.integers(1, 8)
MERGES = st.lists(st.tuples(NODES, NODES), max_size=12)


def sets(components: Components) -> list[list[int]]:
    found: dict[int, list[int]] = {}
    for node in range(1, 9):
        found.setdefault(components.find(node), []).append(node)
    return sorted(found.values())


def test_the_lowest_names_the_set() -> None:
    components = partition([(7, 3), (5, 7)], [])
    assert components.moves() == {5: 3, 7: 3}


def test_a_merge_across_a_split_has_no_effect() -> None:
    components = partition([(1, 2), (2, 3), (1, 3)], [([1], [2])])
    assert sets(components)[:2] == [[1], [2, 3]]  # the earlier of the two merges with 3 counts


def test_sides_stay_apart_whatever_is_merged_around_them() -> None:
    components = partition([(1, 5), (2, 6), (5, 6)], [([1, 3], [2, 4])])
    assert components.find(1) != components.find(2)
    assert not components.may_join(1, 2)
    assert components.may_join(1, 7)


@given(merges=MERGES)
def test_without_splits_the_order_of_merges_does_not_matter(merges: list[tuple[int, int]]) -> None:
    assert sets(partition(merges, [])) == sets(partition(reversed(merges), []))


@given(merges=MERGES, a=st.sets(NODES, min_size=1), b=st.sets(NODES, min_size=1))
def test_no_set_holds_both_sides(merges: list[tuple[int, int]], a: set[int], b: set[int]) -> None:
    apart = (a - b, b - a)
    components = partition(merges, [apart])
    assert not {components.find(x) for x in apart[0]} & {components.find(y) for y in apart[1]}
