"""The priority of payments a second time, in exact fractions, written from its rules alone.

It shares no code with the product and takes the deal as plain JSON values.
"""

from fractions import Fraction


def exact(value) -> Fraction:
    """The decimal number that was written, not its nearest float."""
    return Fraction(str(value))


def run(deal: dict, haircut: Fraction = Fraction(0), *, supported: bool = False) -> list[dict]:
    planned = [exact(c) for c in deal["collections"]]
    own = [c * (1 - haircut) for c in planned]
    money_in = list(own)
    left = exact(deal["support"]["cap"]) if supported and "support" in deal else Fraction(0)
    revolving = deal.get("revolving")
    counts = [{"below": 0, "above": 0, "on": False} for _ in deal.get("triggers", ())]
    stopped = False
    n = len(money_in)
    tranches = {"a": deal["A"], "b": deal.get("B", {"balance": 0, "coupon": 0})}
    owed = {k: exact(t["balance"]) for k, t in tranches.items()}
    coupon = {k: exact(t["coupon"]) / 12 for k, t in tranches.items()}
    plan = {
        k: [exact(x) for x in t["target"]] if t.get("target") else [Fraction(0)] * n
        for k, t in tranches.items()
    }
    late = {"a": Fraction(0), "b": Fraction(0), "fee": Fraction(0)}
    terms = deal.get("reserve", {})
    reserve = exact(terms.get("initial", 0))
    test = deal.get("oc")
    tripped = False
    months = []

    def reserve_goal() -> Fraction:
        if owed["a"] == 0:
            return Fraction(0)
        return max(exact(terms.get("pct", 0)) * owed["a"], exact(terms.get("floor", 0)))

    def interest(k: str) -> Fraction:
        extra = late[k] * coupon[k] if deal.get("ioi") else 0
        return owed[k] * coupon[k] + late[k] + extra

    for t in range(n):
        m = {"oc": None, "dscr": None}
        if test and owed["a"] > 0:
            if "asset_value" in test:
                assets = exact(test["asset_value"][t])
            else:
                assert test["asset_rate"] == 0, "exact fractions know no twelfth root"
                assets = sum(money_in[t + 1 :], Fraction(0))
            m["oc"] = (assets + money_in[t] + reserve) / owed["a"]
        fails = m["oc"] is not None and m["oc"] < exact(test["threshold"])
        tripped = fails or (tripped and not test.get("curable", False))
        fee_due = exact(deal.get("fee_fixed", 0)) + exact(deal.get("fee_pct", 0)) * money_in[t]
        fee_due += late["fee"]
        quiet = bool(revolving) and t < revolving["periods"] and not stopped
        owes = interest("a") + max(owed["a"] - (owed["a"] if quiet else plan["a"][t]), Fraction(0))
        so_far = sum(planned[: t + 1], Fraction(0))
        measured = {
            "dscr": (money_in[t] - fee_due) / owes if owes else None,
            "collections": sum(own[: t + 1], Fraction(0)) / so_far if so_far else None,
        }
        m["measured"] = measured
        m["triggered"] = tripped
        for trigger, count in zip(deal.get("triggers", ()), counts, strict=True):
            value = measured[trigger["measure"]]
            if value is not None and value < exact(trigger["level"]):
                count["below"], count["above"] = count["below"] + 1, 0
            elif value is not None:
                count["below"], count["above"] = 0, count["above"] + 1
            if count["below"] >= trigger.get("after", 1):
                count["on"] = True
            elif trigger.get("cure", 0) and count["above"] >= trigger["cure"]:
                count["on"] = False
            stopped = stopped or count["on"]
            if count["on"] and trigger.get("consequence", "turbo") == "turbo":
                m["triggered"] = True
        turbo = m["triggered"]
        stopped = stopped or turbo
        quiet = bool(revolving) and t < revolving["periods"] and not stopped
        goal_of = {k: owed[k] if quiet else plan[k][t] for k in plan}

        purse = {"cash": money_in[t], "reserve": reserve}
        goal = 0 if t == n - 1 else reserve_goal()
        m["reserve_release"] = max(purse["reserve"] - goal, Fraction(0))
        purse["reserve"] -= m["reserve_release"]
        purse["cash"] += m["reserve_release"]
        m["reserve_draw"] = Fraction(0)

        def take(amount, *, from_reserve=False, purse=purse, m=m) -> Fraction:
            paid = min(amount, purse["cash"])
            purse["cash"] -= paid
            if from_reserve:
                more = min(amount - paid, purse["reserve"])
                purse["reserve"] -= more
                m["reserve_draw"] += more
                paid += more
            return paid

        m["support"] = Fraction(0)

        def helped(short, m=m) -> Fraction:
            nonlocal left
            added = min(short, left)
            left -= added
            m["support"] += added
            return added

        m["fee"] = take(fee_due, from_reserve=True)
        m["fee"] += helped(fee_due - m["fee"])
        late["fee"] = m["fee_unpaid"] = fee_due - m["fee"]

        due = interest("a")
        m["dscr"] = measured["dscr"]
        m["a_int"] = take(due, from_reserve=True)
        m["a_int"] += helped(due - m["a_int"])
        late["a"] = m["a_int_unpaid"] = due - m["a_int"]

        b_due = interest("b")
        m["reserve_topup"] = Fraction(0)
        order = ["a_prin", "b_int", "b_prin"] if turbo else ["b_int", "a_prin", "b_prin"]
        for step in order:
            if step == "b_int":
                m["b_int"] = take(b_due)
                late["b"] = m["b_int_unpaid"] = b_due - m["b_int"]
                continue
            k = step[0]
            down_to = 0 if turbo else goal_of[k]
            allowed = k == "a" or owed["a"] <= (0 if turbo else goal_of["a"])
            m[step] = take(max(owed[k] - down_to, Fraction(0))) if allowed else Fraction(0)
            if k == "a" and (tranches["a"].get("target") or t == n - 1):
                m[step] += helped(max(owed["a"] - m[step] - goal_of["a"], Fraction(0)))
            owed[k] -= m[step]
        if not turbo and t < n - 1:
            m["reserve_topup"] = take(max(reserve_goal() - purse["reserve"], Fraction(0)))
        reserve = purse["reserve"] + m["reserve_topup"]
        m["reserve_end"] = reserve
        m["a_bal"], m["b_bal"] = owed["a"], owed["b"]
        m["reinvested"] = Fraction(0)
        if quiet:
            assert revolving["price_rate"] == 0, "exact fractions know no twelfth root"
            price = sum(planned, Fraction(0))
            if price:
                m["reinvested"] = purse["cash"] * exact(revolving["eligible"])
                for later in range(t + 1, n):
                    money_in[later] += m["reinvested"] / price * own[later - t - 1]
        m["residual"] = purse["cash"] - m["reinvested"]
        m["collected"] = money_in[t]
        months.append(m)
    return months
