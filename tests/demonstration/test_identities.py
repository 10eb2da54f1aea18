"""Numbers that people and cars carry pass their published checks."""

import re

from hypothesis import given
from hypothesis import strategies as st

from customers.demonstration.names import CITIES, identity_number, mobile, plate, vin

VALUES = dict(zip("ABCDEFGH", range(1, 9), strict=True))
VALUES |= dict(zip("JKLMN", range(1, 6), strict=True)) | {"P": 7, "R": 9}
VALUES |= dict(zip("STUVWXYZ", range(2, 10), strict=True)) | {str(n): n for n in range(10)}
WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def check_digit(code: str) -> str:
    total = sum(VALUES[sign] * weight for sign, weight in zip(code, WEIGHTS, strict=True))
    return "X" if total % 11 == 10 else str(total % 11)


def test_check_digit_of_a_known_vin():
    assert check_digit("LATPAB071W1005301") == "1"


def test_vins_of_the_files_carry_their_check_digit(demo):
    vins = demo.files["vehicles"].vin.drop_duplicates()
    clean = vins[~vins.str.contains("[IOQ]")]
    assert (clean.str.len() == 17).all()
    assert all(check_digit(code) == code[8] for code in clean)


@given(number=st.integers(0, 20_000_000), year=st.integers(2010, 2039))
def test_every_serial_gives_a_valid_vin(number, year):
    code = vin("LYR", "A1B7K", year, number)
    assert re.fullmatch(r"[A-HJ-NPR-Z0-9]{17}", code)
    assert check_digit(code) == code[8]


@given(st.integers(0, 5_000_000), st.sampled_from(sorted(CITIES)), st.booleans())
def test_plates_have_the_signs_of_their_kind(number, city, new_energy):
    text = plate(city, number, new_energy)
    assert text[:2] in CITIES[city][0].split()
    assert re.fullmatch(r"[A-HJ-NP-Z0-9]+", text[2:])
    assert len(text) == (8 if new_energy else 7)


def test_plates_belong_to_the_city_of_the_store(demo):
    stores = demo.files["org_units"].query("level == 'store'").set_index("code").city
    vehicles = demo.files["vehicles"]
    sign = vehicles.store_code.map(stores).map(lambda city: CITIES[city][0][0])
    # Cars of people with a second store in the next city keep their plate.
    assert (vehicles.plate.str[0] == sign).mean() > 0.97


@given(st.integers(0, 2_000_000))
def test_mobiles_have_eleven_digits_and_a_real_prefix(number):
    assert re.fullmatch(r"1[3-9]\d{9}", mobile(number))


def test_mobiles_differ():
    assert len({mobile(number) for number in range(50_000)}) == 50_000


def test_known_identity_number():
    # The example of GB 11643-1999.
    assert identity_number("110105", "19491231", 2) == "11010519491231002X"


def test_about_half_of_the_people_gave_an_identity_number_that_passes(demo):
    people = demo.files["customers"].query("kind == 'person'")
    numbers = people.id_number[people.id_number != ""]
    assert 0.45 < len(numbers) / len(people) < 0.65
    assert all(
        identity_number(number[:6], number[6:14], int(number[14:17])) == number
        for number in numbers
    )


def test_surnames_follow_their_frequency(demo):
    first = demo.files["customers"].query("kind == 'person'").name.str[0]
    share = first.value_counts(normalize=True)
    assert set(share.index[:3]) == {"王", "李", "张"}
    assert 0.06 < share["王"] < 0.11


def test_the_identity_number_agrees_with_birth_date_and_gender(demo):
    people = demo.files["customers"].query("id_number != ''")
    told = people[people.birth_date != ""]
    assert (told.id_number.str[6:14] == told.birth_date.str.replace("-", "")).all()
    odd = people.id_number.str[16].astype(int) % 2 == 1
    assert (odd == (people.gender == "m")).all()


def test_people_are_grown_up_when_they_become_customers(demo):
    people = demo.files["customers"].query("birth_date != ''")
    age = people.created_on.str[:4].astype(int) - people.birth_date.str[:4].astype(int)
    assert age.between(19, 80).all()
    assert 30 < age.mean() < 50
