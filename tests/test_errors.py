from closedbook.errors import counted, nearest


def test_counts_agree_with_their_noun():
    assert [counted(number, "question") for number in (0, 1, 2, 1204)] == [
        "0 questions",
        "1 question",
        "2 questions",
        "1,204 questions",
    ]
    assert counted(1, "country", "countries") == "1 country"
    assert counted(3, "country", "countries") == "3 countries"


def test_the_nearest_name_is_suggested_where_one_is_alike():
    assert nearest("trian", ["train", "ask"]) == " (did you mean 'train'?)"
    assert nearest("xyz", ["train", "ask"]) == ""
